/** What of a manifest the cache's commands need. */
export interface Manifest {
  /** Manifests of an index, each for a platform. */
  children: { digest: string; bytes: number; platform?: string }[];
  /** Configuration and layers of an image. */
  blobs: { digest: string; bytes: number }[];
}

interface Descriptor {
  digest?: unknown;
  size?: unknown;
  urls?: unknown;
  platform?: { os?: string; architecture?: string; variant?: string };
}

/** Media types of manifests and indexes, as an `Accept` header has them. */
export const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** Reads an image manifest or an index, OCI's or Docker's; undefined where the text is neither. */
export function readManifest(text: string): Manifest | undefined {
  let json: { config?: Descriptor; layers?: Descriptor[]; manifests?: Descriptor[] } | null;
  try {
    json = JSON.parse(text) as typeof json;
  } catch {
    return undefined;
  }
  if (!json || (!Array.isArray(json.layers) && !Array.isArray(json.manifests))) return undefined;
  const blobs = [...(json.config ? [json.config] : []), ...(json.layers ?? [])];
  return {
    children: (json.manifests ?? []).flatMap((entry) => {
      const { os, architecture, variant } = entry.platform ?? {};
      const platform = os && architecture ? [os, architecture, variant].filter(Boolean).join("/") : undefined;
      return described(entry).map((child) => ({ ...child, ...(platform && { platform }) }));
    }),
    // A layer with addresses of its own is fetched there, not from the registry.
    blobs: blobs.filter(({ urls }) => !Array.isArray(urls) || urls.length === 0).flatMap(described),
  };
}

function described({ digest, size }: Descriptor): { digest: string; bytes: number }[] {
  const isDigest = typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest);
  return isDigest ? [{ digest, bytes: Number(size) || 0 }] : [];
}
