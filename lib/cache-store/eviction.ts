import type { CachedImage } from "./images.ts";
import { bytesOfContent, type StoredContent } from "./listing.ts";
import { lastUseOf, type CacheUsage } from "./usage.ts";

/** One cache, as eviction looks at it. */
export interface EvictableCache {
  content: StoredContent;
  images: CachedImage[];
  usage: CacheUsage;
  /** Whether a stack needs an image by its lock file or its Dockerfiles. */
  isNeeded(image: CachedImage): boolean;
}

/** What of one cache goes. */
export interface Eviction {
  images: CachedImage[];
  /** Images that stay. */
  kept: CachedImage[];
  /** What no image that stays needs; the links to it go as well. */
  blobs: string[];
  /** Folders of downloads that nobody works on. */
  unfinished: string[];
}

export interface EvictionPlan {
  /** In the order of the caches. */
  evictions: Eviction[];
  bytesBefore: number;
  bytesAfter: number;
}

/** Nothing younger goes without its image: a download may be under way of which only this part is there. */
const settledAfter = 60 * 60_000;

/**
 * Chooses what goes so that all caches together take `limit` bytes: first what no image needs and downloads that were given
 * up, then images, those that were not used for longest first, never one that a stack needs. Only as many as necessary.
 *
 * @param now milliseconds since 1970
 */
export function planEviction(caches: EvictableCache[], limit: number, now: number): EvictionPlan {
  const chosen = caches.map(() => new Set<CachedImage>());
  const evict = () => caches.map((cache, index) => evictionOf(cache, chosen[index]!, now));
  const bytesBefore = caches.reduce((sum, { content }) => sum + bytesOfContent(content), 0);
  let evictions = evict();
  let bytesAfter = bytesBefore - bytesOf(caches, evictions);
  const candidates = caches
    .flatMap((cache, index) =>
      cache.images
        .filter((image) => !cache.isNeeded(image))
        .map((image) => ({ image, index, lastUse: lastUseOf(image, cache.usage) })),
    )
    .sort((a, b) => a.lastUse - b.lastUse);
  for (const { image, index } of candidates) {
    if (bytesAfter <= limit) break;
    chosen[index]!.add(image);
    evictions = evict();
    bytesAfter = bytesBefore - bytesOf(caches, evictions);
  }
  return { evictions, bytesBefore, bytesAfter };
}

function evictionOf({ content, images }: EvictableCache, chosen: Set<CachedImage>, now: number): Eviction {
  const kept = images.filter((image) => !chosen.has(image));
  const staying = new Set(kept.flatMap(({ blobs }) => blobs));
  const going = new Set([...chosen].flatMap(({ blobs }) => blobs));
  const isSettled = (time: number) => now - time > settledAfter;
  return {
    images: [...chosen],
    kept,
    blobs: [...content.blobs].flatMap(([digest, { storedAt }]) =>
      !staying.has(digest) && (going.has(digest) || isSettled(storedAt)) ? [digest] : [],
    ),
    unfinished: content.unfinished
      .filter(({ changedAt }) => isSettled(changedAt))
      .map(({ folder }) => folder),
  };
}

function bytesOf(caches: EvictableCache[], evictions: Eviction[]): number {
  return evictions.reduce((sum, { blobs, unfinished }, index) => {
    const { content } = caches[index]!;
    const abandoned = content.unfinished.filter(({ folder }) => unfinished.includes(folder));
    return (
      sum +
      blobs.reduce((bytes, digest) => bytes + (content.blobs.get(digest)?.bytes ?? 0), 0) +
      abandoned.reduce((bytes, { bytes: more }) => bytes + more, 0)
    );
  }, 0);
}
