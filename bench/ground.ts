import { cpus, loadavg, release, totalmem } from "node:os";
import { readFileSync } from "node:fs";
import { execa } from "execa";
import { engineAt } from "../lib/docker/engine.ts";
import type { Engine } from "../sandbox/engine.ts";
import type { Line } from "./line.ts";
import type { Machine, Measurement } from "./result.ts";
import type { Workspace } from "./workspace.ts";

/** What one way works on: an engine of its own that begins empty, and the line to the outside. */
export interface Ground {
  engine: Engine;
  line: Line;
  workspace: Workspace;
  /** Port on 127.0.0.1 for the way's own registry cache. */
  cachePort: number;
  /** What the package cache is told, where the way has one: PyPI through the line, and its ports on 127.0.0.1. */
  packageCache?: { pythonIndex: string; pythonPort: number; debianPort: number };
  signal: AbortSignal;
}

/** Lines of a failed command that are kept. */
const keptLines = 6;

/**
 * Runs a program in the workspace with the ground's engine. What it prints is read and dropped.
 *
 * @returns its standard output
 * @throws with its last words
 */
export async function run(
  { workspace, engine, signal }: Ground,
  program: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<string> {
  const result = await execa(program, args, {
    cwd: workspace.folder,
    env: { ...engine.env, CI: "true", ...env },
    stdin: "ignore",
    reject: false,
    all: true,
    cancelSignal: signal,
    forceKillAfterDelay: 60_000, // Pulumi ends a build and writes its state first
  });
  signal.throwIfAborted();
  if (result.failed) throw new Error(lastWords(`${program} ${args.slice(0, 3).join(" ")}`, result.all ?? ""));
  return result.stdout;
}

/** The last lines of a failed command in one, without the time stamps and numbers of BuildKit's progress. */
export function lastWords(command: string, output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.replace(/^#\d+ (\d+\.\d+ )?/, "").trim())
    .filter((line) => line !== "" && !/^(-+|>>>|\d+ \||\S+:\d+$)/.test(line));
  return `${command}: ${lines.slice(-keptLines).join(" | ").slice(-600) || "failed without a word"}`;
}

/** Removes every image that no container uses; build cache and volumes stay. */
export async function loseImages(ground: Ground): Promise<void> {
  await run(ground, "docker", ["image", "prune", "--all", "--force"]);
}

/** Removes containers, images, build cache and cache mounts; volumes stay. */
export async function loseAllButVolumes(ground: Ground): Promise<void> {
  const containers = (await run(ground, "docker", ["ps", "--all", "--quiet"])).split("\n").filter(Boolean);
  if (containers.length > 0) await run(ground, "docker", ["rm", "--force", ...containers]);
  await loseImages(ground);
  await run(ground, "docker", ["buildx", "prune", "--builder", "default", "--all", "--force"]);
}

/** Waits until the disk has all that was written: it is no part of what is timed next. */
export async function diskSettles(ground: Ground, folder = "."): Promise<void> {
  await run(ground, "sync", ["--file-system", folder]);
}

/** What an engine's disk holds, as the daemon says; what the caches themselves need for their programs is left out. */
export async function diskOf(
  { engine }: Ground,
  registryImage: string,
): Promise<Pick<Measurement, "uniqueBytes" | "buildCacheBytes" | "imageBytes">> {
  const answer = await engineAt(engine.dockerHost).ask<{
    LayersSize: number;
    Images: {
      RepoTags?: string[] | null;
      RepoDigests?: string[] | null;
      Size: number;
      SharedSize: number;
    }[];
    BuildCache?: { Size: number; Shared: boolean }[] | null;
  }>({ path: "/system/df", timeoutMs: 120_000 });
  const own = answer.Images.map(({ RepoTags, RepoDigests, Size, SharedSize }) => ({
    size: Size,
    ofItsOwn: Size - Math.max(0, SharedSize), // −1: not counted
    names: RepoTags ?? [],
    repositories: (RepoDigests ?? []).map((digest) => digest.split("@")[0]), // pulled by digest it has no tag
  }));
  const repository = registryImage.split(":")[0];
  const registry = own.find(({ repositories }) => repositories.includes(repository))?.size ?? 0;
  const packageCache = own.find(({ names }) => names.some((name) => name.startsWith("package-cache:")));
  const named = own.flatMap(({ names, size }) => {
    const name = names.find(
      (one) => !one.startsWith("localhost:1/") && !/^(nvidia\/cuda|registry|package-cache):/.test(one),
    );
    return name === undefined ? [] : [[name, size] as const];
  });
  return {
    uniqueBytes: answer.LayersSize - registry - (packageCache?.ofItsOwn ?? 0),
    buildCacheBytes: (answer.BuildCache ?? []).reduce(
      (sum, { Size, Shared }) => sum + (Shared ? 0 : Size),
      0,
    ),
    imageBytes: Object.fromEntries(named),
  };
}

/** The machine and the programs on it, without any name or address. */
export async function machineOf(engine: Engine, imageStore: string, pulumi: string): Promise<Machine> {
  const version = async (...args: string[]) =>
    /v?(\d+\.\d+\.\d+\S*)/.exec(
      (await execa("docker", args, { env: engine.env, reject: false })).stdout ?? "",
    )?.[1] ?? "unknown";
  const osName = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    os: osName,
    kernel: release(),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    node: process.versions.node,
    engine: engine.version,
    imageStore,
    buildx: await version("buildx", "version"),
    compose: await version("compose", "version"),
    pulumi,
  };
}
