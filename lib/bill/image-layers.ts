import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
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

const bytes = z.number().nonnegative();
const manifestOf = z.object({
  config: z.object({ digest: z.string(), size: bytes }),
  layers: z.array(z.object({ digest: z.string(), size: bytes })),
});
const platformOf = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
});
const indexOf = z.object({
  manifests: z.array(z.object({ digest: z.string(), platform: platformOf.optional() })),
});
const configOf = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()) }) });

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
  let answer = await read(`manifests/${reference.digest}`);
  const index = indexOf.safeParse(answer);
  if (index.success) {
    const [os, architecture, variant] = platform.split("/");
    const entry = index.data.manifests.find(
      ({ platform: one }) =>
        one?.os === os && one?.architecture === architecture && (!variant || one?.variant === variant),
    );
    if (!entry) throw new Error(`it has no image for ${platform}`);
    answer = await read(`manifests/${entry.digest}`);
  }
  const manifest = manifestOf.safeParse(answer);
  if (!manifest.success) throw new Error("its manifest has no sizes of layers");
  const { config, layers } = manifest.data;
  const ids = configOf.safeParse(await read(`blobs/${config.digest}`)).data?.rootfs.diff_ids ?? [];
  return {
    layers: layers.map(({ digest, size }, at) => ({ digest, bytes: size, diffId: ids[at] ?? "" })),
    smallBytes: config.size,
  };
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
