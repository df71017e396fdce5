import type { StoredContent, StoredRepository } from "./listing.ts";

/** An image that a cache has under one name, with everything that it reaches. */
export interface CachedImage {
  /** e.g. `"nvidia/cuda"` */
  repository: string;
  /** Of its index, where it has one. */
  digest: string;
  /** Tags that name it, as the upstream said last. */
  tags: string[];
  /** Digests of the manifests, an index first. */
  manifests: string[];
  /** Digests of all blobs that are stored: manifests, configurations, layers. */
  blobs: string[];
  /** Bytes of these. Images share blobs: the sum over images is more than the cache takes. */
  bytes: number;
  /** Whether it can be pulled, for one platform at least, without the upstream. */
  isComplete: boolean;
  /** When its manifest was stored, in milliseconds since 1970. */
  storedAt: number;
}

/** The images of a cache, by repository and then by tag. A manifest below an index of the same repository is a part of that. */
export function cachedImages(content: StoredContent): CachedImage[] {
  return [...content.repositories]
    .flatMap(([name, repository]) => imagesOf(name, repository, content))
    .sort((a, b) => compare(a.repository, b.repository) || compare(a.tags[0] ?? "~", b.tags[0] ?? "~"));
}

function imagesOf(name: string, repository: StoredRepository, content: StoredContent): CachedImage[] {
  const stored = [...repository.manifests].filter((digest) => content.manifests.has(digest));
  const below = new Set(stored.flatMap((digest) => childrenOf(digest, content)));
  return stored
    .filter((digest) => !below.has(digest))
    .map((digest) => {
      const children = childrenOf(digest, content).filter((child) => repository.manifests.has(child));
      const manifests = [digest, ...children.filter((child) => content.manifests.has(child))];
      const parts = manifests.flatMap((manifest) => partsOf(manifest, content));
      const blobs = [...new Set([...manifests, ...parts])].filter((blob) => content.blobs.has(blob));
      return {
        repository: name,
        digest,
        tags: [...repository.tags].flatMap(([tag, named]) => (named === digest ? [tag] : [])).sort(),
        manifests,
        blobs,
        bytes: blobs.reduce((sum, blob) => sum + content.blobs.get(blob)!.bytes, 0),
        isComplete: manifests.some((manifest) => isWhole(manifest, repository, content)),
        storedAt: content.blobs.get(digest)?.storedAt ?? 0,
      };
    });
}

function childrenOf(digest: string, { manifests }: StoredContent): string[] {
  return (manifests.get(digest)?.children ?? []).map((child) => child.digest);
}

function partsOf(digest: string, { manifests }: StoredContent): string[] {
  return (manifests.get(digest)?.blobs ?? []).map((blob) => blob.digest);
}

/** Every part is there with its size, and is linked under this name: another link is not served. */
function isWhole(digest: string, { layers }: StoredRepository, content: StoredContent): boolean {
  const parts = content.manifests.get(digest)?.blobs ?? [];
  return (
    parts.length > 0 &&
    parts.every((part) => layers.has(part.digest) && content.blobs.get(part.digest)?.bytes === part.bytes)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
