import { Command } from "commander";
import { isPinned } from "../../lib/cache-store/evict.ts";
import { lookAtCache } from "../../lib/cache-store/look.ts";
import { lastUseOf } from "../../lib/cache-store/usage.ts";
import type { CacheVolume } from "../../lib/cache-store/volume.ts";
import { stackOption } from "../options.ts";
import { withCaches, type OpenCaches } from "./open.ts";
import { duration, repositoryName, size, versionOf } from "./words.ts";

/** What `--json` prints of one image. */
interface CatalogEntry {
  registry: string;
  repository: string;
  tags: string[];
  digest: string;
  /** Images share layers: the sum over all is more than the cache takes. */
  bytes: number;
  /** Whether it can be pulled without the upstream. */
  isComplete: boolean;
  /** Whether a stack of this clone stands on it. */
  isNeeded: boolean;
  /** Milliseconds since 1970. */
  lastUsed: number;
  /** As it is shown. */
  name: string;
  version: string;
}

/** `npm run cache -- catalog` */
export function catalogCommand(): Command {
  return new Command("catalog")
    .description(
      "Lists the images in the caches with their sizes, what was used last first. “part”: not all of it was ever pulled.",
    )
    .addOption(stackOption())
    .option("--json", "print {images: [{registry, repository, tags, digest, bytes, lastUsed, ...}]}", false)
    .action(({ stack, json }: { stack: string; json: boolean }) =>
      withCaches(stack, async (open) => {
        const all = await Promise.all(open.volumes.map((volume) => entriesOf(volume, open)));
        const images = all.flat().sort((a, b) => b.lastUsed - a.lastUsed);
        if (json) console.log(JSON.stringify({ images }, undefined, 2));
        else console.log(images.length > 0 ? table(images) : "There is no image in the cache yet.");
      }),
    );
}

async function entriesOf(volume: CacheVolume, { pins, signal }: OpenCaches): Promise<CatalogEntry[]> {
  const { images, usage } = await lookAtCache(volume, signal);
  const { registry } = volume;
  return images.map((image) => ({
    registry,
    repository: image.repository,
    tags: image.tags,
    digest: image.digest,
    bytes: image.bytes,
    isComplete: image.isComplete,
    isNeeded: isPinned(volume, image, pins),
    lastUsed: lastUseOf(image, usage),
    name: repositoryName(registry, image.repository),
    version: versionOf(registry, image, pins),
  }));
}

function table(images: CatalogEntry[]): string {
  const rows = images.map(({ name, version, bytes, lastUsed, isComplete, isNeeded }) => [
    name,
    version,
    size(bytes),
    `${duration(Date.now() - lastUsed)} ago`,
    [...(isNeeded ? ["needed"] : []), ...(isComplete ? [] : ["part"])].join(", "),
  ]);
  const all = [["image", "version", "size", "last used", ""], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => (column === 2 ? cell.padStart(widths[2]!) : cell.padEnd(widths[column]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
