import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { baseLockFolder, serviceLockNames } from "../locks/files.ts";
import { cacheAddresses, upstreamsOf } from "../registry/cache-settings.ts";
import { fetchManifestDigest } from "../registry/manifest-digest.ts";
import type { Settings } from "../settings/settings.ts";
import { imageDefinitions, lockName, packageCacheDefinition } from "./definitions.ts";
import { ImageLockFile } from "./lock-file.ts";
import { planImages } from "./plan.ts";
import { pinnedVersions } from "./pinned-versions.ts";
import type { ImagePlan } from "./types.ts";

/** What a stack will have: known before anything is declared. */
export interface StackPlan {
  plan: {
    runtime: ImagePlan;
    devel: ImagePlan;
    /** Image of the stack's own package cache. */
    packageCache?: ImagePlan;
    /** Parents first. */
    services: ImagePlan[];
    all: ImagePlan[];
  };
  /** The cache's own image by digest, e.g. `"registry@sha256:…"`. */
  cacheImage: string;
  /** Writes down the digests that the lock file lacked. */
  saveDigests?: () => Promise<unknown>;
}

export interface PlanStackOptions {
  /** Digests that were asked for are not written down; `saveDigests` of the plan does. */
  isPreview?: boolean;
  /** Finds out a digest that the lock file lacks. @default asks the registry */
  askDigest?: (reference: string) => Promise<string>;
}

/**
 * Works out every image of a stack. Digests that the lock file lacks are asked of the registry, and written down unless
 * this is a preview.
 */
export async function planStack(settings: Settings, options: PlanStackOptions = {}): Promise<StackPlan> {
  const { isPreview = false } = options;
  const { askDigest = (reference) => fetchManifestDigest(reference, upstreamsOf(settings)) } = options;
  const digests = await ImageLockFile.open(settings.imagesLockFile, askDigest);
  const cacheDefinition = packageCacheDefinition(settings);
  const definitions = [...imageDefinitions(settings), ...(cacheDefinition ? [cacheDefinition] : [])];
  const asked = pinned(settings.registryCache.image, digests); // beside the images' own
  asked.catch(() => {}); // thrown below, after what is wrong with the images
  const all = await planImages(definitions, {
    stack: settings.stack,
    ...(settings.variant && { variant: settings.variant }),
    cacheAddresses: cacheAddresses(settings),
    digests,
    stateDir: settings.stateDir,
    pinned: await pinnedVersions(settings),
  }).catch((error: unknown) => {
    throw error instanceof UserError ? new UserError(error.message + missingLocks(settings)) : error;
  });
  const cacheImage = await asked;
  if (!isPreview) await digests.save();
  const byName = (name: string): ImagePlan => {
    const plan = all.find((candidate) => candidate.name === name);
    if (!plan) throw new UserError(`There is no plan of the image ${name}.`);
    return plan;
  };
  const runtime = byName("cuda-base-runtime");
  const devel = byName("cuda-base-devel");
  const packageCache = cacheDefinition && byName(cacheDefinition.name);
  return {
    plan: {
      runtime,
      devel,
      ...(packageCache && { packageCache }),
      services: all.filter((plan) => ![runtime, devel, packageCache].includes(plan)),
      all,
    },
    cacheImage,
    saveDigests: () => digests.save(),
  };
}

/** What to say beside a plan that failed where locks are missing: the Dockerfiles alone would name their files. */
function missingLocks(settings: Settings): string {
  const { root, stack, cudaBase } = settings;
  const folder = join(root, "cuda-base", "locks");
  const wanted = lockName(cudaBase);
  const base = `PyTorch ${cudaBase.torch}, CUDA ${cudaBase.cuda} and Python ${cudaBase.python}`;
  const lines =
    existsSync(folder) && !existsSync(baseLockFolder(root, wanted))
      ? [
          `No lock in cuda-base/locks is for ${base}; there are ${readdirSync(folder).sort().join(", ")}. Make it: npm run lock -- base --stack ${stack}`,
        ]
      : [];
  for (const { name, context } of imageDefinitions(settings).filter(
    ({ name }) => name in settings.services,
  )) {
    const there = serviceLockNames(context);
    if (there.length === 0 || there.includes(wanted)) continue;
    lines.push(
      `No lock of ${name} is for ${base}; there are ${there.join(", ")}. Make it: npm run lock -- service ${name} --stack ${stack}; where its packages do not fit, take ${name} out of the stack's services`,
    );
  }
  return lines.map((line) => `\n${line}`).join("");
}

async function pinned(image: string, digests: ImageLockFile): Promise<string> {
  if (image.includes("@")) return image;
  return `${image.replace(/:[^:/]+$/, "")}@${await digests.digestOf(image)}`;
}
