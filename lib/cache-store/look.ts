import { cachedImages, type CachedImage } from "./images.ts";
import { listingScript, readListing, type StoredContent } from "./listing.ts";
import { noteUsageScript, readUsage, withLog, type CacheUsage } from "./usage.ts";
import type { CacheVolume } from "./volume.ts";

/** A cache as it is now. */
export interface CacheView {
  content: StoredContent;
  images: CachedImage[];
  usage: CacheUsage;
}

/**
 * Reads what a cache keeps and what its log says about its use, and notes the use in its volume: the container's log holds
 * days only, and goes with the container.
 */
export async function lookAtCache(volume: CacheVolume, signal?: AbortSignal): Promise<CacheView> {
  const { content, noted, usage } = await read(volume, signal);
  if (usage.until > noted.until) await volume.run(noteUsageScript(usage, content)).catch(() => undefined); // a full disk: the next time
  return { content, images: cachedImages(content), usage };
}

/** What clients have had from a cache, as {@link lookAtCache} counts it; nothing is written. */
export async function usageOfCache(volume: CacheVolume, signal?: AbortSignal): Promise<CacheUsage> {
  return (await read(volume, signal)).usage;
}

async function read(
  volume: CacheVolume,
  signal: AbortSignal | undefined,
): Promise<{ content: StoredContent; noted: CacheUsage; usage: CacheUsage }> {
  const content = readListing(await volume.run(listingScript, signal && { signal }));
  const noted = readUsage(content.usage);
  return { content, noted, usage: withLog(noted, await volume.log("requests", noted.until), content) };
}
