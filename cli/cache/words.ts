import prettyBytes from "pretty-bytes";
import type { CachedImage } from "../../lib/cache-store/images.ts";
import { pinKey, type Pins } from "../../lib/cache-store/needed.ts";

/** `"4.21 GB"` */
export function size(bytes: number): string {
  return prettyBytes(bytes, { maximumFractionDigits: bytes < 1e9 ? 0 : 2 });
}

/** `"3 days"`, from milliseconds. */
export function duration(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return "less than a minute";
  if (minutes < 120) return counted(minutes, "minute");
  if (minutes < 48 * 60) return counted(Math.floor(minutes / 60), "hour");
  return counted(Math.floor(minutes / 60 / 24), "day");
}

export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** The name of an image in a cache, as people write it, e.g. `"busybox"` or `"nvcr.io/nvidia/cuda"`. */
export function repositoryName(registry: string, repository: string): string {
  return registry === "docker.io" ? repository.replace(/^library\//, "") : `${registry}/${repository}`;
}

/** What names an image: its tags, the tag that a stack's lock file has for its digest, or the beginning of its digest. */
export function versionOf(registry: string, image: CachedImage, pins: Pins): string {
  if (image.tags.length > 0) return image.tags.join(", ");
  const locked = image.manifests
    .map((digest) => pins.names.get(pinKey(registry, image.repository, digest)))
    .find((name) => name !== undefined);
  const tag = /:([^/:@]+)$/.exec(locked?.replace(/@.*$/, "") ?? "")?.[1];
  return tag ?? image.digest.slice(0, "sha256:".length + 12);
}
