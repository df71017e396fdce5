import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { cacheAddresses, upstreamsOf } from "../registry/cache-settings.ts";
import { fetchManifestDigest } from "../registry/manifest-digest.ts";
import type { Settings } from "../settings/settings.ts";
import { imageDefinitions, lockName } from "./definitions.ts";
import { ImageLockFile } from "./lock-file.ts";
import { planImages } from "./plan.ts";
import { pinnedVersions } from "./pinned-versions.ts";
import type { ImagePlan } from "./types.ts";

/** What a stack will have: known before anything is declared. */
export interface StackPlan {
  plan: {
    runtime: ImagePlan;
    devel: ImagePlan;
    /** Parents first. */
    services: ImagePlan[];
    all: ImagePlan[];
  };
  /** The cache's own image by digest, e.g. `"registry@sha256:…"`. */
  cacheImage: string;
}

/**
 * Works out every image of a stack. Digests that the lock file lacks are asked of the registry, and written down unless
 * this is a preview.
 */
export async function planStack(settings: Settings, { isPreview = false } = {}): Promise<StackPlan> {
  const digests = await ImageLockFile.open(settings.imagesLockFile, (reference) =>
    fetchManifestDigest(reference, upstreamsOf(settings)),
  );
  const all = await planImages(imageDefinitions(settings), {
    stack: settings.stack,
    ...(settings.variant && { variant: settings.variant }),
    cacheAddresses: cacheAddresses(settings),
    digests,
    stateDir: settings.stateDir,
    pinned: await pinnedVersions(settings),
  }).catch((error: unknown) => {
    throw error instanceof UserError ? new UserError(error.message + missingLock(settings)) : error;
  });
  const cacheImage = await pinned(settings.registryCache.image, digests);
  if (!isPreview) await digests.save();
  const byName = (name: string): ImagePlan => {
    const plan = all.find((candidate) => candidate.name === name);
    if (!plan) throw new UserError(`There is no plan of the image ${name}.`);
    return plan;
  };
  const runtime = byName("cuda-base-runtime");
  const devel = byName("cuda-base-devel");
  return {
    plan: { runtime, devel, services: all.filter((plan) => plan !== runtime && plan !== devel), all },
    cacheImage,
  };
}

/** What to say beside a plan that failed where the base's lock is missing: the Dockerfile alone would name its files. */
function missingLock({ root, stack, cudaBase }: Settings): string {
  const folder = join(root, "cuda-base", "locks");
  if (!existsSync(folder) || existsSync(join(folder, lockName(cudaBase)))) return "";
  const { torch, cuda, python } = cudaBase;
  return (
    `\nNo lock in cuda-base/locks is for PyTorch ${torch}, CUDA ${cuda} and Python ${python}; there are ${readdirSync(folder).sort().join(", ")}. ` +
    `Make it: npm run lock -- base --stack ${stack}`
  );
}

async function pinned(image: string, digests: ImageLockFile): Promise<string> {
  if (image.includes("@")) return image;
  return `${image.replace(/:[^:/]+$/, "")}@${await digests.digestOf(image)}`;
}
