import { cacheAddress } from "../registry/cache-address.ts";
import type { RawSettings } from "./schema.ts";

const key = "gpu-build-host:buildCache";

/** The rules of `buildCache` that concern more than one setting. */
export function buildCacheProblems(settings: RawSettings): string[] {
  const { type, ref, port } = settings.buildCache;
  const problems: string[] = [];
  if (type !== "off" && ref === undefined && port === undefined)
    problems.push(
      `${key}.type ${type} needs a registry: set buildCache.ref to a repository of yours, or buildCache.port for a registry that this stack runs`,
    );
  if (ref !== undefined && port !== undefined)
    problems.push(
      `${key}.port is for a registry that this stack runs, and buildCache.ref names another; set one`,
    );
  const caches = [settings.registryCache, ...Object.values(settings.registryCache.registries)];
  const pullThrough = caches.map((cache) => cacheAddress(cache));
  const address = ref?.slice(0, ref.indexOf("/")).replace(/^localhost:/, "127.0.0.1:");
  if (address !== undefined && pullThrough.includes(address))
    problems.push(
      `${key}.ref ${ref} is the pull-through cache, which refuses pushes; use another registry, or buildCache.port`,
    );
  if (port === undefined) return problems;
  if (port < 1024)
    problems.push(
      `${key}.port ${port} is below 1024: such ports need privileges that the registry does not have; choose 1024 or above`,
    );
  const taken = [...caches.map((cache) => cache.port), settings.registryCache.metricsPort];
  if (taken.includes(port))
    problems.push(`${key}.port must differ from the ports of registryCache, got ${port} for both`);
  return problems;
}
