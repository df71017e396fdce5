import { join } from "node:path";
import type { Engine } from "../docker/engine.ts";
import { runBriefly } from "../host/run-briefly.ts";
import { cacheMount, type CacheRecord } from "./build-cache.ts";

/** Milliseconds for all of them: du reads a folder of 100,000 files in about a second. */
const longestWait = 20_000;

/** What later builds write into. */
const growing = new Set([cacheMount, "source.local"]);

/**
 * The records with their true sizes. BuildKit measures a cache mount and a build context once and keeps to that while they
 * grow (seen on 26.1: 5.4 GB said, 15.7 GB on the disk), so their folders are measured where this process may look into
 * them: on an engine of this machine with overlay2. Elsewhere BuildKit's figures stay.
 */
export async function withTrueSizes(records: CacheRecord[], engine: Engine): Promise<CacheRecord[]> {
  const mutable = records.filter(({ type }) => growing.has(type));
  if (mutable.length === 0) return records;
  const { DockerRootDir, Driver } = await engine.ask<{ DockerRootDir?: string; Driver?: string }>({
    path: "/info",
  });
  if (DockerRootDir === undefined || Driver !== "overlay2") return records;
  const folders = new Map(mutable.map(({ id }) => [join(DockerRootDir, "overlay2", id, "diff"), id]));
  const args = ["--summarize", "--one-file-system", "--block-size=1", ...folders.keys()];
  const run = await runBriefly("du", args, { timeoutMs: longestWait });
  if (run.state !== "ended") return records;
  const sizes = new Map(
    [...run.stdout.matchAll(/^(\d+)\t(.*)$/gm)].map(([, bytes, folder]) => [
      folders.get(folder!),
      Number(bytes),
    ]),
  );
  return records.map((record) => ({ ...record, bytes: sizes.get(record.id) ?? record.bytes }));
}
