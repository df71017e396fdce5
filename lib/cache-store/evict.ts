import { UserError } from "../errors.ts";
import { CacheFailure, type CacheClient } from "../registry/cache-client.ts";
import { planEviction, type EvictionPlan } from "./eviction.ts";
import type { CachedImage } from "./images.ts";
import { lookAtCache, type CacheView } from "./look.ts";
import { pinKey, type Pins } from "./needed.ts";
import { removalScripts } from "./removal.ts";
import type { CacheVolume } from "./volume.ts";

/** What was done to keep caches within a limit. */
export interface EvictionResult {
  /** Images that went, with the cache that they were in. */
  removed: { registry: string; image: CachedImage }[];
  bytesBefore: number;
  bytesAfter: number;
  /** Images that stay; each was found whole afterwards if it was whole before. */
  kept: number;
}

export interface EvictionOptions {
  volumes: CacheVolume[];
  /** Bytes that all of them together may take. */
  limit: number;
  pins: Pins;
  /** Asks a cache for what stays. @default only its files are looked at */
  clientOf?: (volume: CacheVolume) => CacheClient;
  /** Only work out what would go. @default false */
  dryRun?: boolean;
  signal?: AbortSignal;
}

/** Whether a stack needs an image that is in a cache. */
export function isPinned({ registry }: CacheVolume, image: CachedImage, pins: Pins): boolean {
  return image.manifests.some((digest) => pins.names.has(pinKey(registry, image.repository, digest)));
}

/**
 * Removes what was not used for longest until the caches are within a limit, and proves that what stays can be read.
 * The registry goes on serving meanwhile, and what it is asked for afterwards it fetches again.
 */
export async function evict(options: EvictionOptions): Promise<EvictionResult> {
  const { volumes, limit, pins, signal } = options;
  const views = await Promise.all(volumes.map((volume) => lookAtCache(volume, signal)));
  const plan = planEviction(
    views.map((view, index) => ({ ...view, isNeeded: (image) => isPinned(volumes[index]!, image, pins) })),
    limit,
    Date.now(),
  );
  if (!options.dryRun) await carryOut(plan, views, options);
  return {
    removed: plan.evictions.flatMap(({ images }, index) =>
      images.map((image) => ({ registry: volumes[index]!.registry, image })),
    ),
    bytesBefore: plan.bytesBefore,
    bytesAfter: plan.bytesAfter,
    kept: plan.evictions.reduce((sum, { kept }) => sum + kept.length, 0),
  };
}

async function carryOut(
  { evictions }: EvictionPlan,
  views: CacheView[],
  { volumes, clientOf, signal }: EvictionOptions,
): Promise<void> {
  for (const [index, eviction] of evictions.entries()) {
    const volume = volumes[index]!;
    const scripts = removalScripts(eviction, views[index]!.content);
    for (const script of scripts) {
      signal?.throwIfAborted();
      await volume.run(script);
    }
    if (scripts.length > 0) await proveReadable(eviction.kept, volume, clientOf?.(volume), signal);
  }
}

/** Every image that was whole is whole, and the cache gives its manifests and its configuration. */
async function proveReadable(
  kept: CachedImage[],
  volume: CacheVolume,
  client: CacheClient | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { images, content } = await lookAtCache(volume, signal);
  const now = new Map(images.map((image) => [`${image.repository}@${image.digest}`, image]));
  for (const image of kept.filter(({ isComplete }) => isComplete)) {
    const name = `${image.repository}@${image.digest}`;
    if (!now.get(name)?.isComplete)
      throw new UserError(
        `${name} is in the cache ${volume.name} and not whole any more: another program removed parts of it, or the disk fails: npm run cache -- verify`,
      );
    if (!client) continue;
    try {
      for (const digest of image.manifests) {
        await client.manifest(image.repository, digest, signal);
        const [config] = content.manifests.get(digest)?.blobs ?? [];
        if (config && content.blobs.has(config.digest))
          await client.blob(image.repository, config.digest, signal);
      }
    } catch (error) {
      if (!(error instanceof CacheFailure)) throw error;
      throw new UserError(
        `${name} cannot be read from the cache any more: ${error.message}: npm run cache -- verify`,
      );
    }
  }
}
