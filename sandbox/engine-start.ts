import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { replaceFile } from "../lib/daemon/atomic-file.ts";
import { UserError } from "../lib/errors.ts";
import { startDetached } from "./detached.ts";
import { engineVersion, type EngineVersion } from "./engine-api.ts";
import { ensureEngineBinaries } from "./engine-binaries.ts";
import type { EngineBinaries } from "./engine-release.ts";
import { daemonEnvironment, writeDockerConfig } from "./engine-environment.ts";
import { endEngine, enginePids, forgetContainers } from "./engine-leftovers.ts";
import {
  describe,
  runningEngine,
  type Engine,
  type EngineOptions,
  type EngineRecord,
} from "./running-engine.ts";
import { readJson, writeJson } from "./json-file.ts";
import { sandboxLayout, type SandboxLayout } from "./layout.ts";
import { isRunning } from "./processes.ts";
import { silent } from "./steps.ts";

/** Seconds that a fresh dockerd may take until it answers. */
const startLimitSeconds = 60;
/** Seconds that a running dockerd may go without an answer until it is replaced. */
const busyLimitSeconds = 30;
/** Seconds until a dockerd has made its socket. */
const socketLimitSeconds = 3;

/** Starts a new dockerd, after whatever is left of the last one is gone. */
export async function startFresh(layout: SandboxLayout, options: EngineOptions): Promise<Engine> {
  const step = (detail: string) => (options.onStep ?? silent)({ name: "engine", detail });
  const late = await lateAnswer(layout, options.signal, step);
  if (late) return late;
  const binaries = await ensureEngineBinaries(options);
  await endEngine(layout);
  await takeOverMoved(layout);
  await prepareFiles(layout, binaries, options);

  step(`starting dockerd ${binaries.version}`);
  const logStart = statSync(layout.engineLog, { throwIfNoEntry: false })?.size ?? 0;
  const pid = await startDetached(
    "unshare",
    ["--mount", "--propagation", "slave", "dockerd", ...dockerdFlags(layout, options)],
    { log: layout.engineLog, env: daemonEnvironment(binaries), cwd: "/" },
  );
  try {
    const version = await answering(layout, pid, logStart, options.signal);
    return describe(layout, binaries, pid, version, false);
  } catch (error) {
    await endEngine(layout);
    throw error;
  }
}

/** The running engine, with its programs (docker and plugins) brought again. */
export async function bringPrograms(engine: Engine, options: EngineOptions): Promise<Engine> {
  const { layout, pid, version, apiVersion } = engine;
  const binaries = await ensureEngineBinaries(options);
  writeRecord(layout, binaries);
  return describe(layout, binaries, pid, { version, apiVersion }, true);
}

/** A dockerd that runs without answering may be busy, or still be starting after an interrupted start: give it time. */
async function lateAnswer(
  layout: SandboxLayout,
  signal: AbortSignal | undefined,
  step: (detail: string) => void,
): Promise<Engine | undefined> {
  const began = Date.now();
  while (enginePids(layout).length > 0) {
    signal?.throwIfAborted();
    const engine = await runningEngine(layout);
    if (engine) return engine;
    // dockerd opens its socket early: without one it will never answer.
    const limit = existsSync(layout.socket) ? busyLimitSeconds : socketLimitSeconds;
    if (!existsSync(layout.engineRecord) || Date.now() > began + limit * 1000) {
      step("ending a dockerd that does not answer");
      return undefined;
    }
    step("waiting for a dockerd that is busy");
    await sleep(200);
  }
  return undefined;
}

async function prepareFiles(
  layout: SandboxLayout,
  binaries: EngineBinaries,
  options: EngineOptions,
): Promise<void> {
  mkdirSync(layout.root, { recursive: true });
  mkdirSync(layout.runDir, { recursive: true, mode: 0o711 });
  writeRecord(layout, binaries);
  if (existsSync(layout.daemonConfig)) return requireJson(layout.daemonConfig);
  const features =
    imageStoreOf(options) === "containerd" ? { features: { "containerd-snapshotter": true } } : {};
  const mirrors = options.mirrors?.length ? { "registry-mirrors": options.mirrors } : {};
  const config = { ...mirrors, ...features, ...options.daemonConfig };
  await replaceFile(layout.daemonConfig, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o644 });
}

function writeRecord(layout: SandboxLayout, binaries: EngineBinaries): void {
  writeDockerConfig(layout, binaries);
  writeJson(layout.engineRecord, { root: layout.root, binaries } satisfies EngineRecord);
}

/** @throws UserError for a store that does not exist. */
function imageStoreOf({ imageStore }: EngineOptions): NonNullable<EngineOptions["imageStore"]> {
  const store = imageStore ?? (process.env.GBH_STORE || "overlay2");
  if (store === "overlay2" || store === "containerd" || store === "vfs") return store;
  throw new UserError(`GBH_STORE is "${store}": use overlay2 or containerd, or unset it.`);
}

function dockerdFlags(layout: SandboxLayout, options: EngineOptions): string[] {
  const imageStore = imageStoreOf(options);
  return [
    ["--config-file", layout.daemonConfig],
    ["--data-root", layout.dataRoot],
    ["--exec-root", layout.execRoot],
    ["--pidfile", layout.pidFile],
    ["--host", layout.dockerHost],
    // The machine's network stays as it is: no bridge, no firewall rules.
    ["--bridge", "none", "--iptables=false", "--ip6tables=false"],
    // One folder of our own below each controller, so that stopping can remove it.
    ["--cgroup-parent", `/${layout.cgroup}`, "--exec-opt", "native.cgroupdriver=cgroupfs"],
    imageStore === "containerd" ? [] : ["--storage-driver", imageStore],
    options.flags ?? [],
  ].flat();
}

async function answering(
  layout: SandboxLayout,
  pid: number,
  logStart: number,
  signal?: AbortSignal,
): Promise<EngineVersion> {
  const end = Date.now() + startLimitSeconds * 1000;
  while (Date.now() < end) {
    signal?.throwIfAborted();
    const version = existsSync(layout.socket) ? await engineVersion(layout.socket, 1000) : undefined;
    if (version) return version;
    if (!isRunning(pid))
      throw new UserError(`The private dockerd did not start: ${lastWords(layout.engineLog, logStart)}`);
    await sleep(50);
  }
  throw new UserError(
    `The private dockerd did not answer in ${startLimitSeconds} s; its log is ${layout.engineLog}.`,
  );
}

/** After the clone was moved, its old engine still runs under the old name; a copy's engine is left alone. */
async function takeOverMoved(layout: SandboxLayout): Promise<void> {
  const record = readJson<EngineRecord>(layout.engineRecord);
  if (!record || record.root === layout.root || existsSync(record.root)) {
    if (record && record.root !== layout.root) forgetContainers(layout);
    return;
  }
  await endEngine(sandboxLayout(record.root));
  forgetContainers(layout);
}

/** @throws UserError: dockerd itself would end with a text that names no way out. */
function requireJson(file: string): void {
  try {
    JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(
      `${file} is not valid JSON (${(error as Error).message}): repair it, or delete it to get a fresh one.`,
    );
  }
}

/** The last error in dockerd's log, without its time stamp. */
function lastWords(log: string, from: number): string {
  const lines = readFileSync(log).subarray(from).toString().trim().split("\n");
  const line =
    lines.filter((text) => /level=(fatal|error)|^failed|unable to/.test(text)).at(-1) ?? lines.at(-1) ?? "";
  return `${/msg="(.*)"/.exec(line)?.[1] ?? line} (log: ${log})`;
}
