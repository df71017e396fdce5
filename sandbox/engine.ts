import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../lib/errors.ts";
import { startDetached } from "./detached.ts";
import { engineVersion, type EngineVersion } from "./engine-api.ts";
import { ensureEngineBinaries, type EngineBinaries } from "./engine-binaries.ts";
import { daemonEnvironment, engineEnvironment, writeDockerConfig } from "./engine-environment.ts";
import { endEngine, enginePids, forgetContainers } from "./engine-leftovers.ts";
import { readJson, writeJson } from "./json-file.ts";
import { sandboxLayout, type SandboxLayout } from "./layout.ts";
import { withLock } from "./lock.ts";
import { requireFreeDisk, requireLinux, requireRoot } from "./preflight.ts";
import { isRunning } from "./processes.ts";
import { silent, type WorkOptions } from "./steps.ts";

export interface EngineOptions extends WorkOptions {
  /** Folder of the engine, e.g. `.sandbox` of the clone. Several engines run side by side, each in a folder of its own. */
  root: string;
  /** `registry-mirrors` of the first daemon.json. A daemon.json that is there already is left as it is. */
  mirrors?: string[];
  /** Further keys of the first daemon.json. */
  daemonConfig?: Record<string, unknown>;
  /** Further flags of dockerd. */
  flags?: string[];
  /** Where images are stored. @default "overlay2" */
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
  /** Variables with which `docker`, `docker buildx` and `docker compose` reach this engine. */
  env: Record<string, string>;
  /** True if it ran already. */
  reused: boolean;
}

/** What `engine.json` says about the engine that was started last. */
interface EngineRecord {
  root: string;
  binaries: EngineBinaries;
}

/** Seconds that a fresh dockerd may take until it answers. */
const startLimitSeconds = 60;
/** Seconds that a running dockerd may go without an answer until it is replaced. */
const busyLimitSeconds = 30;
/** Seconds until a dockerd has made its socket. */
const socketLimitSeconds = 3;

/**
 * The private engine in `root`: the running one, or a new one. Repairs what a kill or a reboot left.
 *
 * @throws UserError without root, without disk space, or when dockerd does not start (with its own words).
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const layout = sandboxLayout(options.root);
  const running = await runningEngine(layout);
  if (running) return running;
  requireLinux();
  requireRoot();
  requireFreeDisk(layout.root, options.freeBytes ?? 1024 ** 3);
  const onWait = () => (options.onStep ?? silent)({ name: "engine", detail: "another process is starting it" });
  return withLock(
    `${layout.root}/engine`,
    async () => (await runningEngine(layout)) ?? (await startFresh(layout, options)),
    { onWait, signal: options.signal },
  );
}

/** The engine in `layout` if it runs and answers. */
export async function runningEngine(layout: SandboxLayout): Promise<Engine | undefined> {
  const pid = Number(readText(layout.pidFile));
  const record = readJson<EngineRecord>(layout.engineRecord);
  if (!pid || !record || !isRunning(pid)) return undefined;
  const version = await engineVersion(layout.socket);
  return version && describe(layout, record.binaries, pid, version, true);
}

/** Ends the engine and everything it runs; images, volumes and settings stay in `root`. Fine if none runs. */
export async function stopEngine(root: string): Promise<void> {
  const layout = sandboxLayout(root);
  await withLock(`${layout.root}/engine`, () => endEngine(layout));
}

async function startFresh(layout: SandboxLayout, options: EngineOptions): Promise<Engine> {
  const step = (detail: string) => (options.onStep ?? silent)({ name: "engine", detail });
  const late = await lateAnswer(layout, options.signal, step);
  if (late) return late;
  const binaries = await ensureEngineBinaries(options);
  await endEngine(layout);
  await takeOverMoved(layout);
  prepareFiles(layout, binaries, options);

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

function prepareFiles(layout: SandboxLayout, binaries: EngineBinaries, options: EngineOptions): void {
  mkdirSync(layout.root, { recursive: true });
  mkdirSync(layout.runDir, { recursive: true, mode: 0o711 });
  writeDockerConfig(layout, binaries);
  writeJson(layout.engineRecord, { root: layout.root, binaries } satisfies EngineRecord);
  if (existsSync(layout.daemonConfig)) return requireJson(layout.daemonConfig);
  const features = options.imageStore === "containerd" ? { features: { "containerd-snapshotter": true } } : {};
  const mirrors = options.mirrors?.length ? { "registry-mirrors": options.mirrors } : {};
  const config = { ...mirrors, ...features, ...options.daemonConfig };
  writeFileSync(layout.daemonConfig, `${JSON.stringify(config, null, 2)}\n`);
}

function dockerdFlags(layout: SandboxLayout, { imageStore = "overlay2", flags = [] }: EngineOptions): string[] {
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
    flags,
  ].flat();
}

async function answering(layout: SandboxLayout, pid: number, logStart: number, signal?: AbortSignal): Promise<EngineVersion> {
  const end = Date.now() + startLimitSeconds * 1000;
  while (Date.now() < end) {
    signal?.throwIfAborted();
    const version = existsSync(layout.socket) ? await engineVersion(layout.socket, 1000) : undefined;
    if (version) return version;
    if (!isRunning(pid)) throw new UserError(`The private dockerd did not start: ${lastWords(layout.engineLog, logStart)}`);
    await sleep(50);
  }
  throw new UserError(`The private dockerd did not answer in ${startLimitSeconds} s; its log is ${layout.engineLog}.`);
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

function describe(layout: SandboxLayout, binaries: EngineBinaries, pid: number, version: EngineVersion, reused: boolean): Engine {
  const env = engineEnvironment(layout, binaries);
  return { layout, dockerHost: layout.dockerHost, pid, kind: binaries.kind, env, reused, ...version };
}

/** @throws UserError: dockerd itself would end with a text that names no way out. */
function requireJson(file: string): void {
  try {
    JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file} is not valid JSON (${(error as Error).message}): repair it, or delete it to get a fresh one.`);
  }
}

/** The last error in dockerd's log, without its time stamp. */
function lastWords(log: string, from: number): string {
  const lines = readFileSync(log).subarray(from).toString().trim().split("\n");
  const line = lines.filter((text) => /level=(fatal|error)|^failed|unable to/.test(text)).at(-1) ?? lines.at(-1) ?? "";
  return `${/msg="(.*)"/.exec(line)?.[1] ?? line} (log: ${log})`;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

