import { stackCaches } from "../cache-store/engine-volume.ts";
import { usageOfCache } from "../cache-store/look.ts";
import type { CacheUsage } from "../cache-store/usage.ts";
import type { Engine } from "../docker/engine.ts";
import { cachesOf } from "../registry/cache-settings.ts";
import type { Settings } from "../settings/settings.ts";
import type { CacheUse } from "./types.ts";

/** Longest wait for the list of a cache's files, in milliseconds. */
const patienceMs = 60_000;

/**
 * What clients have asked a stack's registry caches for, its own or another stack's; nothing is changed. A cache that does
 * not run is left out: its files and its log are reached through its container.
 */
export async function readCacheUse(settings: Settings, engine: Engine): Promise<CacheUse | undefined> {
  const usages = await Promise.all(
    cachesOf(settings).map(async (cache) => {
      try {
        const [found] = await stackCaches(settings.stack, [cache], engine);
        return [await usageOfCache(found!.volume, AbortSignal.timeout(patienceMs))];
      } catch {
        return []; // the doctor says why
      }
    }),
  );
  return usedTogether(usages.flat());
}

/** Several caches as one; undefined where nobody has asked for anything yet. */
export function usedTogether(usages: CacheUsage[]): CacheUse | undefined {
  const used = usages.filter(({ requests }) => requests > 0);
  if (used.length === 0) return undefined;
  const sum = (key: "requests" | "hits" | "fetchedBytes"): number =>
    used.reduce((total, usage) => total + usage[key], 0);
  return {
    requests: sum("requests"),
    hits: sum("hits"),
    pulledBytes: sum("fetchedBytes"),
    since: new Date(Math.min(...used.map(({ since }) => since))).toISOString(),
  };
}
