import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { imageDefinitions } from "../images/definitions.ts";
import { familiarName, parseReference, type ImageReference } from "../images/image-reference.ts";
import { ImageLockFile } from "../images/lock-file.ts";
import { externalReferences } from "../images/plan.ts";
import { settingsOfStackFile } from "../settings/load.ts";
import type { Settings } from "../settings/settings.ts";

/** An external image that a stack stands on. */
export interface NeededImage {
  /** As people write it, e.g. `"nvidia/cuda:12.8.1-base-ubuntu22.04"`. */
  name: string;
  reference: ImageReference;
  /** From the reference or the lock file; undefined where neither has one. */
  digest: string | undefined;
}

/** The external images of a stack: those that its Dockerfiles name, and the cache's own. */
export async function neededImages(settings: Settings): Promise<NeededImage[]> {
  const locked = (await ImageLockFile.open(settings.imagesLockFile)).entries();
  const names = [...(await externalReferences(imageDefinitions(settings))), settings.registryCache.image];
  return [...new Set(names)].flatMap((text) => {
    const reference = parseReference(text);
    if (!reference) return [];
    const name = familiarName(reference);
    return [{ name, reference, digest: reference.digest ?? locked[name] }];
  });
}

/** What every stack of a clone needs, by its Dockerfiles and by its lock file. */
export interface Pins {
  /** Name of an image by `host/repository@digest`, for showing. */
  names: Map<string, string>;
  /** What could not be read. */
  notes: string[];
}

/** Key of {@link Pins}. */
export function pinKey(host: string, repository: string, digest: string): string {
  return `${host}/${repository}@${digest}`;
}

/**
 * Collects what no cache may lose, whichever engine a stack is for: two may share one. A stack whose settings have problems
 * is there with its lock file alone.
 *
 * @param root the project's folder, with `Pulumi.<stack>.yaml`
 */
export async function pinsOfStacks(root: string): Promise<Pins> {
  const pins: Pins = { names: new Map(), notes: [] };
  const lockFiles = new Set([join(root, "images.lock.yaml"), join(root, ".sandbox", "images.lock.yaml")]);
  for (const file of readdirSync(root)) {
    const stack = /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1];
    if (stack === undefined) continue;
    try {
      const settings = settingsOfStackFile(root, stack);
      lockFiles.add(settings.imagesLockFile);
      for (const image of await neededImages(settings)) add(pins, image.name, image.digest);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // The sandbox's settings need its engine, which then has not been started.
      if (stack !== "sandbox")
        pins.notes.push(
          `${file} has problems: what the stack "${stack}" needs is taken from its lock file alone`,
        );
    }
  }
  for (const file of lockFiles) {
    if (!existsSync(file)) continue;
    const entries = (await ImageLockFile.open(file)).entries();
    for (const [name, digest] of Object.entries(entries)) add(pins, name, digest);
  }
  return pins;
}

function add({ names }: Pins, name: string, digest: string | undefined): void {
  const reference = parseReference(name);
  if (reference && digest) names.set(pinKey(reference.host, reference.repository, digest), name);
}
