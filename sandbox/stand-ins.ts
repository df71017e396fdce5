import { readJson, writeJson } from "./json-file.ts";
import type { SandboxLayout } from "./layout.ts";
import { withLock } from "./lock.ts";
import { manifestDigest, pushBlob, pushManifest } from "./registry-client.ts";
import { digestOf } from "./digest.ts";
import { cudaStandIn } from "./stand-in-debian.ts";
import { makeStandIn, recipeHash, type StandInImage, type StandInRecipe } from "./stand-in-image.ts";
import { registryStandIn } from "./stand-in-registry.ts";
import { silent, type WorkOptions } from "./steps.ts";

/** An image in the upstream that stands for one that package registries do not carry. */
export interface StandIn {
  /** As a Dockerfile names it. */
  name: string;
  /** `sha256:…` of its manifest in the upstream. */
  digest: string;
  /** What it is in truth. */
  what: string;
}

interface StandInRecord extends StandIn {
  recipe: string;
}

export interface StandInNames {
  /** Images that stand on a Debian root file system, e.g. `["nvidia/cuda:12.6.3-base-ubuntu22.04"]`. */
  images: string[];
  /** The registry's image, e.g. `"registry:3.1.1"`. */
  registryImage: string;
}

/** Puts the stand-ins into the upstream; what is there from the same recipe is left as it is. */
export async function ensureStandIns(
  layout: SandboxLayout,
  port: number,
  names: StandInNames,
  options: WorkOptions = {},
): Promise<StandIn[]> {
  const recipes = [registryStandIn(names.registryImage), ...names.images.map(cudaStandIn)];
  const present = await presentStandIns(layout, port, recipes);
  if (present) return present;
  return withLock(
    `${layout.root}/stand-ins`,
    async () => {
      const records: StandInRecord[] = [];
      for (const recipe of recipes) records.push(await ensureOne(layout, port, recipe, options));
      writeJson(layout.standInsFile, records);
      return records.map(withoutRecipe);
    },
    { signal: options.signal },
  );
}

/** All of them, if all are there. */
async function presentStandIns(
  layout: SandboxLayout,
  port: number,
  recipes: StandInRecipe[],
): Promise<StandIn[] | undefined> {
  const found = await Promise.all(recipes.map((recipe) => presentRecord(layout, port, recipe)));
  return found.every((record) => record !== undefined) ? found.map(withoutRecipe) : undefined;
}

async function presentRecord(
  layout: SandboxLayout,
  port: number,
  recipe: StandInRecipe,
): Promise<StandInRecord | undefined> {
  const records = readJson<StandInRecord[]>(layout.standInsFile) ?? [];
  const record = records.find(({ name }) => name === recipe.name);
  if (!record || record.recipe !== recipeHash(recipe)) return undefined;
  const { repository, tag } = hubName(recipe.name);
  return (await manifestDigest(port, repository, tag)) === record.digest ? record : undefined;
}

async function ensureOne(
  layout: SandboxLayout,
  port: number,
  recipe: StandInRecipe,
  options: WorkOptions,
): Promise<StandInRecord> {
  const present = await presentRecord(layout, port, recipe);
  if (present) return present;
  const image = await makeStandIn(recipe, options);
  options.signal?.throwIfAborted();
  (options.onStep ?? silent)({
    name: `stand-in for ${recipe.name.split(":")[0]}`,
    detail: `pushing ${recipe.name}`,
  });
  await pushImage(port, recipe.name, image);
  return { name: recipe.name, digest: image.digest, what: recipe.what, recipe: recipeHash(recipe) };
}

/** Puts an image into a registry on 127.0.0.1 under its name on Docker Hub. */
export async function pushImage(port: number, name: string, image: StandInImage): Promise<void> {
  const { repository, tag } = hubName(name);
  await pushBlob(port, repository, image.layer.digest, { file: image.layer.file });
  await pushBlob(port, repository, digestOf(image.config), image.config);
  await pushManifest(port, repository, tag, image.manifest);
}

/**
 * Repository and tag on Docker Hub; a digest in the name is left to the lock file of images.
 *
 * @example hubName("registry:3.1.1") // { repository: "library/registry", tag: "3.1.1" }
 */
export function hubName(name: string): { repository: string; tag: string } {
  const match = /^(?:docker\.io\/)?([^:@]+)(?::([^@]+))?/.exec(name);
  const repository = match?.[1] ?? name;
  return {
    repository: repository.includes("/") ? repository : `library/${repository}`,
    tag: match?.[2] ?? "latest",
  };
}

function withoutRecipe({ recipe: _, ...standIn }: StandInRecord): StandIn {
  return standIn;
}
