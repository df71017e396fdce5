import { existsSync, readFileSync, rmSync } from "node:fs";
import writeFileAtomic from "write-file-atomic";
import type { SandboxFacts } from "../lib/settings/sandbox-facts.ts";
import { startEngine, stopEngine } from "./engine.ts";
import { readJson, writeJson } from "./json-file.ts";
import { sandboxLayout, type SandboxLayout } from "./layout.ts";
import { ensurePorts, readPorts, type SandboxPorts } from "./ports.ts";
import { requireFreeDisk, requireLinux, requireRoot } from "./preflight.ts";
import { runningEngine } from "./running-engine.ts";
import { ensureStandIns, type StandIn, type StandInNames } from "./stand-ins.ts";
import type { WorkOptions } from "./steps.ts";
import { startUpstream, stopUpstream } from "./upstream.ts";

export interface SandboxOptions extends StandInNames, WorkOptions {
  /** Folder of the sandbox, absolute: `.sandbox` of the clone. */
  root: string;
  /** Bytes that must be free on the disk before anything starts. @default 1 GiB */
  freeBytes?: number;
}

/** A started sandbox. */
export interface Sandbox {
  layout: SandboxLayout;
  ports: SandboxPorts;
  /** `unix://…` of the private engine. */
  dockerHost: string;
  /** Variables with which plain `docker`, `docker compose` and Pulumi reach the private engine. */
  env: Record<string, string>;
  standIns: StandIn[];
  /** e.g. `"26.1.5+dfsg1"`. */
  engineVersion: string;
}

/** Starts what is not running yet: private engine, upstream registry, stand-ins. Quick when all of it is up. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const layout = sandboxLayout(options.root);
  requireLinux();
  requireRoot();
  if (!(await runningEngine(layout))) requireFreeDisk(layout.root, options.freeBytes ?? 1024 ** 3);
  const earlier = readPorts(layout);
  const ports = await ensurePorts(layout);
  if (earlier && earlier.upstream !== ports.upstream) renamePorts(layout, earlier, ports);
  const upstreamUrl = `http://127.0.0.1:${ports.upstream}`;
  const [engine, standIns] = await together(
    [
      (signal) => startEngine({ ...options, signal, mirrors: [upstreamUrl] }),
      async (signal) => {
        await startUpstream(layout, ports.upstream, { ...options, signal });
        return ensureStandIns(layout, ports.upstream, options, { ...options, signal });
      },
    ],
    options.signal,
  );
  writeFacts(layout, ports, upstreamUrl);
  return {
    layout,
    ports,
    dockerHost: engine.dockerHost,
    env: engine.env,
    standIns,
    engineVersion: engine.version,
  };
}

/** Ends engine and upstream. Images, volumes, stand-ins and settings stay for the next start. */
export async function stopSandbox(root: string): Promise<void> {
  requireRoot();
  await stopEngine(root);
  await stopUpstream(sandboxLayout(root));
}

/** Ends the sandbox and removes all of it. (The user's cache, with what was built and unpacked, stays.) */
export async function purgeSandbox(root: string): Promise<void> {
  await stopSandbox(root);
  rmSync(sandboxLayout(root).root, { recursive: true, force: true });
}

/** A copied clone has ports of its own: its daemon.json must not name those of the original. */
function renamePorts(layout: SandboxLayout, from: SandboxPorts, to: SandboxPorts): void {
  if (!existsSync(layout.daemonConfig)) return;
  let text = readFileSync(layout.daemonConfig, "utf8");
  for (const name of ["upstream", "cache"] as const)
    text = text.replaceAll(`127.0.0.1:${from[name]}`, `127.0.0.1:${to[name]}`);
  writeFileAtomic.sync(layout.daemonConfig, text);
}

function writeFacts(layout: SandboxLayout, ports: SandboxPorts, upstream: string): void {
  const { root, dockerHost, factsFile } = layout;
  const facts: SandboxFacts = {
    root,
    dockerHost,
    upstream,
    ports: {
      cache: ports.cache,
      cacheMetrics: ports.cacheMetrics,
      pythonPackages: ports.spare.at(-2),
      debianPackages: ports.spare.at(-1),
    },
  };
  if (JSON.stringify(readJson(factsFile)) !== JSON.stringify(facts)) writeJson(factsFile, facts);
}

/** Runs two tasks at once; when one fails the other is told to stop, and is waited for. */
async function together<A, B>(
  [first, second]: [(signal: AbortSignal) => Promise<A>, (signal: AbortSignal) => Promise<B>],
  outer?: AbortSignal,
): Promise<[A, B]> {
  const stop = new AbortController();
  const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
  let reason: unknown;
  const guarded = async <T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await task(signal);
    } catch (error) {
      reason ??= error;
      stop.abort();
      throw error;
    }
  };
  const results = await Promise.allSettled([guarded(first), guarded(second)]);
  outer?.throwIfAborted();
  if (results[0].status === "fulfilled" && results[1].status === "fulfilled")
    return [results[0].value, results[1].value];
  throw reason;
}
