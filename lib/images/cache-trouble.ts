import { execa } from "execa";
import type { Engine } from "../docker/engine.ts";
import { cachePin, type CachePin } from "./cache-pin.ts";

/** How BuildKit begins when an image cannot be had; a step of the Dockerfile that fails reads otherwise. */
const noImage = /failed to (?:resolve source metadata|copy|do request|read expected)|failed commit on ref/;
const damaged = /unexpected commit digest \S+, expected sha256:([0-9a-f]{64})/;

interface Cache extends CachePin {
  engine: Engine;
  /** Name of the container. */
  container: string;
}

/**
 * Clears away what a damaged layer left, so that the same build can be tried again: the copy in the registry cache, if
 * it is damaged there, and BuildKit's own, which it would take up again, and fail with, for as long as it keeps it.
 *
 * @param contexts the build's named contexts, e.g. `"docker-image://127.0.0.1:5000/nvidia/cuda@sha256:…"`.
 * @param output what the build wrote in the end.
 * @returns a line about it; undefined where no layer was damaged.
 */
export async function clearDamaged(
  engine: Engine,
  contexts: string[],
  output: string,
): Promise<string | undefined> {
  const hex = damaged.exec(output)?.[1];
  if (!hex) return undefined;
  let source = "a download";
  for (const cache of await cachesOf(engine, contexts))
    if (await removeDamaged(cache, hex)) source = `the copy in the registry cache (${cache.container})`;
  // Nothing has this ID: what goes is only what no build uses, unfinished downloads among it.
  await docker(engine, ["builder", "prune", "--force", "--filter", "id=none"]);
  return `${source} of sha256:${hex} was damaged: it is removed and fetched again`;
}

/**
 * Asks the registry cache's own log why a build got no image from it: BuildKit knows the status only, e.g. 500.
 *
 * @param since beginning of the build, milliseconds since 1970.
 * @returns one line; undefined where the cache has nothing to do with the failure, or cannot be asked.
 */
export async function cacheReason(
  engine: Engine,
  contexts: string[],
  output: string,
  since: number,
): Promise<string | undefined> {
  if (!noImage.test(output)) return undefined;
  for (const cache of await cachesOf(engine, contexts)) {
    const from = new Date(since).toISOString();
    const { all } = await docker(engine, ["logs", "--since", from, "--tail", "1000", cache.container]);
    const reason = lastError(all, cache.repository);
    if (!reason) continue;
    const upstream = await upstreamOf(cache);
    return `the registry cache at ${cache.address} cannot get ${cache.repository} from ${upstream}: ${reason}; ${fixOf(reason)}`;
  }
  return undefined;
}

/** Reason, in the registry's own words, of the last request for a repository that it could not answer. */
export function lastError(log: string, repository: string): string | undefined {
  const lines = log.split("\n").filter((line) => {
    const uri = /http\.request\.uri="?([^\s"]+)/.exec(line)?.[1];
    return line.includes("level=error") && uri?.startsWith(`/v2/${repository}/`);
  });
  // "unknown blob" and "unknown manifest" only follow from what happened before.
  const line = lines.findLast((text) => text.includes("err.code=unknown ")) ?? lines.at(-1);
  const detail = /err\.detail="?((?:[^"\\]|\\.)*)/.exec(line ?? "")?.[1]?.replace(/\\(.)/g, "$1");
  return detail?.replace(/[\s:]+$/, "");
}

/** What a person can do about a reason that the registry gave. */
export function fixOf(reason: string): string {
  if (/toomanyrequests/.test(reason)) return "it answers 429 (too many requests): wait, then run again";
  if (/no space left|disk quota/.test(reason))
    return "make room on the engine's disk (docker system df shows what is there), then run again";
  if (/dial tcp|no such host|timeout|connection re/.test(reason))
    return "check the network and registryCache.upstream, then run again";
  return "nothing of it was kept: run again when the upstream is well";
}

/** The running caches that the contexts name. */
async function cachesOf(engine: Engine, contexts: string[]): Promise<Cache[]> {
  const caches: Cache[] = [];
  for (const context of contexts) {
    const pin = cachePin(context);
    if (!pin) continue;
    const label = ["gpu-build-host.role=registry-cache", `gpu-build-host.port=${pin.port}`];
    const container = (await engine.containers({ label }))[0]?.name;
    if (container) caches.push({ engine, container, ...pin });
  }
  return caches;
}

/** Removes a blob of the cache's volume whose bytes do not have its digest. False where it has, or is not there. */
async function removeDamaged({ engine, container }: Cache, hex: string): Promise<boolean> {
  const folder = `/var/lib/registry/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}`;
  const file = `${folder}/data`;
  const script = `test "$(sha256sum < ${file} | cut -c1-64)" != ${hex} && rm -r ${folder}`;
  // As its owner: root may not write what belongs to others in a container without capabilities.
  const { stdout: owner, exitCode } = await docker(engine, ["exec", container, "stat", "-c", "%u", file]);
  if (exitCode !== 0) return false;
  return (await docker(engine, ["exec", "--user", owner, container, "sh", "-c", script])).exitCode === 0;
}

/** The upstream stands in the configuration that the container's command writes. */
async function upstreamOf({ engine, container }: Cache): Promise<string> {
  const { all } = await docker(engine, ["inspect", "--format", '{{join .Config.Cmd " "}}', container]);
  return /^\s*remoteurl: (\S+)$/m.exec(all)?.[1] ?? "its upstream";
}

async function docker(engine: Engine, args: string[]) {
  const env = { DOCKER_HOST: engine.host, DOCKER_CONTEXT: undefined };
  const options = { env, all: true, reject: false, stdin: "ignore", timeout: 60_000 } as const;
  return execa("docker", args, options);
}
