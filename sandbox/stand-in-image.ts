import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "./digest.ts";
import type { Layer } from "./image-layer.ts";
import { readJson, writeJson } from "./json-file.ts";
import { mediaTypes } from "./registry-client.ts";
import type { WorkOptions } from "./steps.ts";
import { ensureFolder, userCache } from "./user-cache.ts";

/** How a stand-in is made. */
export interface StandInRecipe {
  /** As a Dockerfile names it, e.g. `"nvidia/cuda:12.6.3-base-ubuntu22.04"` or `"registry:3.1.1"`. */
  name: string;
  /** What it is in truth, in a few words. */
  what: string;
  layer: {
    /** All that the files depend on. The same key is never made twice by one user. */
    key: object;
    /** tar patterns of what stays out. */
    exclude: string[];
    /** Fills `folder`; `scratch` is removed afterwards. */
    make(folder: string, scratch: string, options: WorkOptions): Promise<void>;
  };
  /** `config` of the OCI image configuration, without labels. */
  config: Record<string, unknown>;
}

/** A stand-in as a registry wants it. */
export interface StandInImage {
  layer: Layer;
  config: Buffer;
  manifest: Buffer;
  /** Digest of the manifest. */
  digest: string;
}

/** Label by which everything built on a stand-in can be told from the real thing. */
const standInLabel = "gpu-build-host.stand-in";

/** 16 hexadecimal digits over all that the image is made from. */
export function recipeHash({ name, what, layer, config }: StandInRecipe): string {
  return hash({ name, what, layer: layer.key, exclude: layer.exclude, config, arch: process.arch });
}

/** The image: its layer from the user's cache, or made now. */
export async function makeStandIn(recipe: StandInRecipe, options: WorkOptions = {}): Promise<StandInImage> {
  const folder = userCache("stand-ins", hash([recipe.layer.key, recipe.layer.exclude, process.arch]));
  await ensureFolder(folder, (temporary) => makeLayer(recipe, temporary, options), options);
  const layer = { ...readJson<Layer>(join(folder, "layer.json"))!, file: join(folder, "layer.tar.gz") };
  const config = json({
    architecture: { x64: "amd64" }[process.arch as string] ?? process.arch,
    os: "linux",
    config: { ...recipe.config, Labels: { [standInLabel]: `${recipe.name}: ${recipe.what}` } },
    rootfs: { type: "layers", diff_ids: [layer.diffId] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: `gpu-build-host: ${recipe.what}` }],
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: mediaTypes.layer, digest: layer.digest, size: layer.size }],
  });
  return { layer, config, manifest, digest: digestOf(manifest) };
}

async function makeLayer(recipe: StandInRecipe, folder: string, options: WorkOptions): Promise<void> {
  const { packLayer } = await import("./image-layer.ts");
  const files = join(folder, "files");
  const scratch = join(folder, "scratch");
  for (const path of [files, scratch]) mkdirSync(path);
  await recipe.layer.make(files, scratch, options);
  const { file: _, ...layer } = await packLayer(
    files,
    join(folder, "layer.tar.gz"),
    recipe.layer.exclude,
    options,
  );
  for (const path of [files, scratch]) rmSync(path, { recursive: true });
  writeJson(join(folder, "layer.json"), layer);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
