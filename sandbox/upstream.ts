import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../lib/errors.ts";
import { startDetached } from "./detached.ts";
import { call } from "./http.ts";
import { readJson, writeJson } from "./json-file.ts";
import type { SandboxLayout } from "./layout.ts";
import { withLock } from "./lock.ts";
import { requireFreePort } from "./ports.ts";
import { commandOf, endProcesses, findProcesses, isRunning } from "./processes.ts";
import { silent, type WorkOptions } from "./steps.ts";
import { ensureRegistryBinary } from "./toolchain/registry-binary.ts";

/** The registry that stands for Docker Hub: a plain process on 127.0.0.1. */
export interface Upstream {
  port: number;
  /** e.g. `"http://127.0.0.1:21340"`. */
  url: string;
  pid: number;
  reused: boolean;
}

/** The running upstream of this sandbox, or a new one over the same storage. */
export async function startUpstream(
  layout: SandboxLayout,
  port: number,
  options: WorkOptions = {},
): Promise<Upstream> {
  const running = await runningUpstream(layout, port);
  if (running) return running;
  return withLock(
    `${layout.root}/upstream`,
    async () => (await runningUpstream(layout, port)) ?? (await startFresh(layout, port, options)),
    { signal: options.signal },
  );
}

/** The upstream if it runs and answers. */
export async function runningUpstream(layout: SandboxLayout, port: number): Promise<Upstream | undefined> {
  const pid = readJson<UpstreamRecord>(layout.upstream.record)?.pid;
  if (!pid || !isOurs(pid, layout) || !(await answers(port))) return undefined;
  return { port, url: `http://127.0.0.1:${port}`, pid, reused: true };
}

/** Ends the upstream; what is stored in it stays. Fine if none runs. */
export async function stopUpstream(layout: SandboxLayout): Promise<void> {
  const configFiles = [layout.upstream.configFile];
  // After the clone was moved, its upstream still runs under the old name.
  const last = readJson<UpstreamRecord>(layout.upstream.record)?.configFile;
  if (last && !existsSync(last)) configFiles.push(last);
  const ours = findProcesses(
    ({ command }) => command[1] === "serve" && configFiles.includes(command[2] ?? ""),
  );
  await endProcesses(
    ours.map(({ pid }) => pid),
    5000,
  );
}

interface UpstreamRecord {
  pid: number;
  configFile: string;
}

async function startFresh(layout: SandboxLayout, port: number, options: WorkOptions): Promise<Upstream> {
  const binary = await ensureRegistryBinary(options);
  await stopUpstream(layout);
  await requireFreePort(port, "the sandbox's upstream registry");
  (options.onStep ?? silent)({ name: "upstream", detail: `starting a registry on 127.0.0.1:${port}` });
  mkdirSync(layout.upstream.storage, { recursive: true });
  writeFileSync(layout.upstream.configFile, JSON.stringify(configuration(layout, port), null, 2));
  const pid = await startDetached(binary, ["serve", layout.upstream.configFile], {
    log: layout.upstream.log,
    env: { OTEL_TRACES_EXPORTER: "none" }, // else it looks for a collector on the network
    cwd: layout.upstream.dir,
  });
  writeJson(layout.upstream.record, { pid, configFile: layout.upstream.configFile } satisfies UpstreamRecord);
  const end = Date.now() + 20_000;
  while (!(await answers(port))) {
    options.signal?.throwIfAborted();
    if (isRunning(pid) && Date.now() < end) await sleep(25);
    else
      throw new UserError(
        `The sandbox's upstream registry did not start on 127.0.0.1:${port}; its log is ${layout.upstream.log}.`,
      );
  }
  return { port, url: `http://127.0.0.1:${port}`, pid, reused: false };
}

/** JSON is YAML too. */
function configuration(layout: SandboxLayout, port: number) {
  return {
    version: 0.1,
    log: { level: "warn", formatter: "text" },
    storage: {
      filesystem: { rootdirectory: layout.upstream.storage },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: `127.0.0.1:${port}` },
  };
}

/** A process id may have been given to another program since. */
function isOurs(pid: number, layout: SandboxLayout): boolean {
  return isRunning(pid) && commandOf(pid).includes(layout.upstream.configFile);
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await call({ to: { port }, path: "/v2/", timeoutMs: 2000 })).status === 200;
  } catch {
    return false;
  }
}
