import type { Engine } from "../docker/engine.ts";
import { cacheReference, unreachable, type BuildCache } from "./build-cache.ts";
import { BuildSlots } from "./build-slots.ts";

/** A build cache as one build uses it. */
export interface UsedCache extends BuildCache {
  /** Where the image's steps are kept, e.g. `"registry.example/build-cache:whisperx-cu128"`. */
  reference: string;
}

/** What the builds of one run share. */
export class BuildRun {
  /** Hash references that this run has built: whoever stands on one of them is built too. */
  readonly built = new Set<string>();
  readonly slots = new BuildSlots();
  private readonly asked = new Map<string, Promise<string | undefined>>();
  private readonly warned = new Set<string>();

  /** The cache for one image; undefined where its registry does not answer: a build goes on without. It is asked once a run. */
  async cacheFor(
    resource: { buildCache?: BuildCache; tags: string[]; build: { name: string } },
    engine: Engine,
    warn: (text: string) => void,
  ): Promise<UsedCache | undefined> {
    const cache = resource.buildCache;
    if (!cache) return undefined;
    const reference = cacheReference(cache, resource.build.name, resource.tags);
    let asked = this.asked.get(cache.ref);
    if (!asked) this.asked.set(cache.ref, (asked = unreachable(reference, engine)));
    const problem = await asked;
    if (problem === undefined) return { ...cache, reference };
    this.warnOnce(
      `the build cache ${cache.ref} is out of reach, so builds go on without it: ${problem}`,
      warn,
    );
    return undefined;
  }

  /** Says a thing once in a run, whichever image finds it first. */
  warnOnce(text: string, warn: (text: string) => void): void {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    warn(text);
  }
}
