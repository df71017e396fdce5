import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { parseReference, type ImageReference } from "../images/image-reference.ts";
import { fetchRegistryJson, type RegistryOptions } from "../registry/manifest-digest.ts";

/** One packed layer of an image. */
export interface PackedLayer {
  /** Digest of the packed layer, as the registry has it. */
  digest: string;
  /** Digest of the unpacked layer, as the engine has it. */
  diffId: string;
  /** Bytes, packed. */
  bytes: number;
}

/** What a pull of an image fetches. */
export interface PackedImage {
  /** Lowest first. */
  layers: PackedLayer[];
  /** Bytes of manifest and configuration. */
  smallBytes: number;
}

interface Manifest {
  manifests?: { digest: string; platform?: { os?: string; architecture?: string; variant?: string } }[];
  config?: { digest: string; size: number };
  layers?: { digest: string; size: number }[];
}

/**
 * Sizes of an image's layers, from its manifest. Fetches no layer. A digest names the same image for ever, so an answer is
 * kept and asked once.
 * @param reference with a digest, e.g. `"nvidia/cuda@sha256:…"`
 * @param platform e.g. `"linux/amd64"`
 * Throws a UserError where the registry does not say.
 */
export async function packedImage(
  reference: string,
  platform: string,
  stateDir: string,
  options: RegistryOptions,
): Promise<PackedImage> {
  const parsed = parseReference(reference);
  if (!parsed?.digest) throw new Error(`${reference} has no digest`);
  const file = join(
    stateDir,
    "manifests",
    `${parsed.digest.replace(":", "-")}-${platform.replaceAll("/", "-")}.json`,
  );
  const kept = await readFile(file, "utf8").then(parseKept, () => undefined);
  if (kept) return kept;
  const image = await ask(parsed, platform, options);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    .then(() => writeFileAtomic(file, JSON.stringify(image)))
    .catch(() => {}); // the answer itself is good
  return image;
}

async function ask(
  reference: ImageReference,
  platform: string,
  options: RegistryOptions,
): Promise<PackedImage> {
  const read = (path: string) => fetchRegistryJson(reference, path, options);
  let manifest = (await read(`manifests/${reference.digest}`)) as Manifest;
  if (manifest.manifests) {
    const [os, architecture, variant] = platform.split("/");
    const entry = manifest.manifests.find(
      ({ platform: one }) =>
        one?.os === os && one?.architecture === architecture && (!variant || one?.variant === variant),
    );
    if (!entry) throw new Error(`it has no image for ${platform}`);
    manifest = (await read(`manifests/${entry.digest}`)) as Manifest;
  }
  if (!manifest.config || !manifest.layers) throw new Error("the registry's manifest is of an unknown form");
  const config = (await read(`blobs/${manifest.config.digest}`)) as { rootfs?: { diff_ids?: string[] } };
  const layers = manifest.layers.map(({ digest, size }, index) => ({
    digest,
    bytes: size,
    diffId: config.rootfs?.diff_ids?.[index] ?? "",
  }));
  return { layers, smallBytes: manifest.config.size };
}

function parseKept(text: string): PackedImage | undefined {
  try {
    const kept = JSON.parse(text) as PackedImage;
    return Array.isArray(kept.layers) ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Layers that no image in `chains` already has in this place: a layer is held only with all below it. */
export function missingLayers(layers: PackedLayer[], chains: string[][]): PackedLayer[] {
  const held = Math.max(
    0,
    ...chains.map((chain) => {
      const first = layers.findIndex(({ diffId }, index) => chain[index] !== diffId);
      return first < 0 ? layers.length : first;
    }),
  );
  return layers.slice(held);
}
