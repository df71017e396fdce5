import { packageCacheName } from "../package-cache/name.ts";
import type { EngineContent } from "../prune/content.ts";
import { buildCacheName, cacheName } from "../registry/cache-name.ts";
import { cachesOf } from "../registry/cache-settings.ts";
import { bytesOf } from "../settings/quantities.ts";
import type { Settings } from "../settings/settings.ts";
import type { DiskPart } from "./types.ts";

/** A cache that a stack runs, or several with one limit, and the volumes that hold it. */
export interface CacheVolumes extends Omit<DiskPart, "bytes" | "volumes"> {
  volumes: { name: string; of?: string }[];
}

/** The caches that a stack runs itself; another stack's are in that one's report. */
export function cacheVolumes(settings: Settings): CacheVolumes[] {
  const { stack, registryCache, packageCache, buildCache } = settings;
  const caches: CacheVolumes[] = [];
  if (registryCache.mode === "own") {
    const volumes = cachesOf(settings).map(({ registry, volume }) => ({
      name: volume ?? cacheName(stack, registry),
      of: registry ?? "docker.io",
    }));
    const limit = bytesOf(registryCache.maxSize ?? "");
    caches.push({
      kind: "registry-cache",
      what: volumes.length === 1 ? "registry cache" : "registry caches",
      volumes,
      ...(limit !== undefined && { limit, limitedBy: "registryCache.maxSize" }),
    });
  }
  if (packageCache.mode === "own") {
    const { pythonStorage, debianStorage, wheelStorage } = packageCache;
    const storages = [pythonStorage, debianStorage, wheelStorage];
    caches.push({
      kind: "package-cache",
      what: "package cache",
      volumes: [{ name: packageCacheName(stack) }],
      limit: storages.reduce((sum, size) => sum + (bytesOf(size) ?? 0), 0),
      limitedBy: "packageCache: pythonStorage, debianStorage, wheelStorage",
    });
  }
  if (buildCache.type !== "off" && buildCache.port !== undefined)
    caches.push({
      kind: "build-cache-registry",
      what: "build cache registry",
      volumes: [{ name: buildCacheName(stack) }],
    });
  return caches;
}

/** What each cache takes, and what this stack's other volumes do, such as those kept from a cache that is off. */
export function cacheParts(
  caches: CacheVolumes[],
  stack: string,
  { volumes, adopted }: Pick<EngineContent, "volumes" | "adopted">,
): DiskPart[] {
  const bytes = new Map([...volumes, ...adopted].map((volume) => [volume.name, volume.bytes]));
  const parts = caches.map((cache) =>
    summed({
      ...cache,
      volumes: cache.volumes.flatMap((volume) => {
        const size = bytes.get(volume.name);
        return size === undefined ? [] : [{ ...volume, bytes: size }];
      }),
    }),
  );
  const named = new Set(caches.flatMap((cache) => cache.volumes.map(({ name }) => name)));
  const others = volumes
    .filter((volume) => volume.stack === stack && !named.has(volume.name))
    .map(({ name, bytes: size }) => ({ name, bytes: size }));
  if (others.length > 0)
    parts.push(summed({ kind: "other-volumes", what: "other volumes of this stack", volumes: others }));
  return parts;
}

function summed(part: Omit<DiskPart, "bytes"> & Required<Pick<DiskPart, "volumes">>): DiskPart {
  return { ...part, bytes: part.volumes.reduce((sum, { bytes }) => sum + bytes, 0) };
}
