import { UserError } from "../errors.ts";
import { evict, type EvictionOptions } from "./evict.ts";
import { bytesOfContent, listingScript, readListing } from "./listing.ts";
import type { CacheVolume } from "./volume.ts";

export interface RoomOptions extends Omit<EvictionOptions, "limit" | "dryRun"> {
  /** Bytes that all volumes together may take; undefined for no limit. */
  limit: number | undefined;
  /** The volume that grows. */
  volume: CacheVolume;
  /** Says a size in words. */
  size(bytes: number): string;
}

/** Bytes that stay free: the registry writes links beside the layers, and its health check a file. */
const reserve = 1_000_000;

/**
 * Makes room for bytes that are about to be fetched: within the limit by removing what was not used for longest.
 *
 * @throws UserError where it cannot be had: the limit is too low for what stacks need, or the disk is full.
 */
export async function makeRoom(bytes: number, options: RoomOptions): Promise<void> {
  const { limit, volume, volumes, size, signal } = options;
  const contents = await Promise.all(
    volumes.map(async (one) => readListing(await one.run(listingScript, signal && { signal }))),
  );
  const used = contents.reduce((sum, content) => sum + bytesOfContent(content), 0);
  let freed = 0;
  if (limit !== undefined && used + bytes > limit) {
    const fits = Math.max(0, limit - bytes);
    const result = await evict({ ...options, limit: fits });
    freed = result.bytesBefore - result.bytesAfter;
    if (result.bytesAfter > fits)
      throw new UserError(
        `${size(bytes)} do not fit: the limit is ${size(limit)} (registryCache.maxSize), and ${size(result.bytesAfter)} of it hold what stacks need: raise the limit`,
      );
  }
  const { free } = contents[volumes.indexOf(volume)]!.disk;
  if (free + freed < bytes + reserve)
    throw new UserError(
      `${size(bytes)} do not fit on the disk of the cache ${volume.name}: ${size(free + freed)} are free: make room there (npm run prune, docker system df), then run again`,
    );
}
