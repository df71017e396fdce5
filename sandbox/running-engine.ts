import { readFileSync } from "node:fs";
import { engineVersion, type EngineVersion } from "./engine-api.ts";
import type { EngineBinaries, EngineRelease } from "./engine-release.ts";
import { engineEnvironment } from "./engine-environment.ts";
import { readJson } from "./json-file.ts";
import type { SandboxLayout } from "./layout.ts";
import { isRunning } from "./processes.ts";
import type { WorkOptions } from "./steps.ts";

export interface EngineOptions extends WorkOptions {
  /** Folder of the engine, e.g. `.sandbox` of the clone. Several engines run side by side, each in a folder of its own. */
  root: string;
  /** `registry-mirrors` of the first daemon.json. A daemon.json that is there already is left as it is. */
  mirrors?: string[];
  /** Further keys of the first daemon.json. */
  daemonConfig?: Record<string, unknown>;
  /** Further flags of dockerd. */
  flags?: string[];
  /** A certain engine instead of the machine's. @default what the variable GBH_ENGINE names */
  release?: EngineRelease;
  /** Where images are stored. @default what the variable GBH_STORE names, or "overlay2" */
  imageStore?: "overlay2" | "containerd" | "vfs";
  /** Bytes that must be free on the disk. @default 1 GiB */
  freeBytes?: number;
}

export interface Engine extends EngineVersion {
  layout: SandboxLayout;
  dockerHost: string;
  /** Process id of dockerd. */
  pid: number;
  /** Whose programs these are. */
  kind: EngineBinaries["kind"];
  /** Folder of the programs; empty for the machine's own. */
  binDir: string;
  /** Variables with which `docker`, `docker buildx` and `docker compose` reach this engine. */
  env: Record<string, string>;
  /** True if it ran already. */
  reused: boolean;
}

/** What `engine.json` says about the engine that was started last. */
export interface EngineRecord {
  root: string;
  binaries: EngineBinaries;
}

/** The engine in `layout` if it runs and answers. */
export async function runningEngine(layout: SandboxLayout): Promise<Engine | undefined> {
  const pid = Number(readText(layout.pidFile));
  const record = readJson<EngineRecord>(layout.engineRecord);
  if (!pid || !record || !isRunning(pid)) return undefined;
  const version = await engineVersion(layout.socket);
  return version && describe(layout, record.binaries, pid, version, true);
}

/** An engine that answers. */
export function describe(
  layout: SandboxLayout,
  binaries: EngineBinaries,
  pid: number,
  version: EngineVersion,
  reused: boolean,
): Engine {
  const env = engineEnvironment(layout, binaries);
  return {
    layout,
    dockerHost: layout.dockerHost,
    pid,
    kind: binaries.kind,
    binDir: binaries.binDir,
    env,
    reused,
    ...version,
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
