import type { Engine, EngineImage } from "../docker/engine.ts";
import { redactorOf } from "./build-secrets.ts";
import { buildImage, type BuildOptions, type BuildPlan, type BuildRecord } from "./build.ts";
import { appendEvent, latestByImage, type ImageEvent } from "./history.ts";
import { familiarName, parseReference } from "./image-reference.ts";
import { holdVersion } from "./in-work.ts";
import { keepWithinStorage } from "./keep-storage.ts";
import { noteVersion, releaseVersions, removeOldVersions } from "./keep-versions.ts";
import { promote, refuseForeignTags, releaseTags } from "./promote.ts";
import { runSmokeTest } from "./smoke-test.ts";
import { readTagLedger, withTagLedger, type TagLedger } from "./tag-ledger.ts";
import { UserError } from "../errors.ts";
import type { ImagePlan, SmokeTest } from "./types.ts";

/** One image as a stack wants it on an engine. */
export interface ImageResource {
  stack: string;
  /** e.g. `"unix:///var/run/docker.sock"` */
  dockerHost: string;
  stateDir: string;
  reference: string;
  tags: string[];
  hash: string;
  parts: Record<string, string>;
  smokeTest?: SmokeTest;
  /** Versions that stay for going back. */
  keep: number;
  /** Bytes that all former versions of the stack may take beside the current ones. @default no ceiling */
  keepStorage?: number;
  /** Hash references that the stack wants now: none of them goes, although it may not be in use yet. */
  needed?: string[];
  adoptTags?: boolean;
  idleMinutes?: number;
  build: BuildPlan & Pick<ImagePlan, "parents" | "base" | "mustExist">;
}

/** What the state remembers of the image as it was before. */
export type PreviousImage = Pick<ImageResource, "hash" | "parts" | "tags">;

export interface RealiseOptions extends Pick<BuildOptions, "signal" | "onStep" | "onNote"> {
  engine: Engine;
}

const keptSmokeTests = 1000;
const goneReason = "it was gone from the engine";

/**
 * Makes it so: reuses the image or builds it, tries it, moves the friendly tags, removes old versions, and writes the history.
 * Throws before a tag moves when the build or the smoke test fails.
 */
export async function realiseImage(
  resource: ImageResource,
  previous: PreviousImage | undefined,
  options: RealiseOptions,
): Promise<ImageEvent> {
  const event = await newEvent(resource, previous);
  const { reference, stack } = resource;
  try {
    const engineId = (await options.engine.info()).id;
    await holdVersion({ engineId, reference, stack, signal: options.signal }, () =>
      realise(resource, previous, event, options),
    );
    return event;
  } catch (error) {
    event.result = "failed";
    event.error = (error as Error).message;
    throw error;
  } finally {
    event.time = new Date().toISOString();
    await appendEvent(resource.stateDir, event);
  }
}

async function realise(
  resource: ImageResource,
  previous: PreviousImage | undefined,
  event: ImageEvent,
  options: RealiseOptions,
): Promise<void> {
  const { engine, signal } = options;
  const { stack, reference, build } = resource;
  const promotion = {
    stack,
    image: build.name,
    reference,
    tags: resource.tags,
    adopt: resource.adoptTags ?? false,
  };
  const engineId = (await engine.info()).id;
  await refuseForeignTags(promotion, await readTagLedger(resource.stateDir, engineId), engine);
  const before = await engine.image(reference);
  const standsOnBase = !before || (await sharesLayers(before, build.base, engine)) !== false;
  if (!before && build.mustExist)
    throw new UserError(
      `image "${build.name}": the earlier version ${reference} is not on this engine any more, so there is nothing to go back to; remove the pin`,
    );
  if (!before || !standsOnBase) {
    if (!before && event.result === "tagged") event.reasons = [goneReason];
    if (!standsOnBase) event.reasons = ["its base was rebuilt with other layers"];
    options.onNote?.(`building: ${shortList(event.reasons)}`);
    event.result = "built";
    const record = await buildImage(forOnce(build, resource, previous), reference, {
      ...options,
      ...(resource.idleMinutes && { idleMinutes: resource.idleMinutes }),
    });
    takeRecord(event, record);
  } else if (event.result === "reused") options.onNote?.("already built: reused");
  signal.throwIfAborted();
  const image = await engine.image(reference);
  event.size = image?.size ?? 0;
  const passed = await trySmokeTest(resource, image?.id ?? "", event, options);
  signal.throwIfAborted();
  await withTagLedger({ stateDir: resource.stateDir, engineId, stack, signal }, async (ledger) => {
    if (passed) noteSmokeTest(ledger, passed);
    await promote(promotion, ledger, engine);
    const gone = previous?.tags.filter((tag) => !resource.tags.includes(tag)) ?? [];
    const stay = await releaseTags({ stack, image: build.name, tags: gone }, ledger, engine);
    if (stay.length > 0) options.onNote?.(`left alone: ${stay.join(", ")}`);
    noteVersion(ledger, stack, build.name, reference);
    const { kept } = await removeOldVersions(
      { stack, image: build.name, keep: resource.keep },
      ledger,
      engine,
    );
    kept.push(...(await keepWithinStorage(resource, ledger, engine, options.onNote)));
    for (const { reference: old, containers } of kept)
      options.onNote?.(`${old} stays: used by ${containers.join(", ")}`);
    if (before && before.id !== image?.id) await removeNameless(before.id, engine);
  });
}

/** Runs the smoke test unless this very image has passed it. Returns the key under which a pass is remembered. */
async function trySmokeTest(
  resource: ImageResource,
  imageId: string,
  event: ImageEvent,
  options: RealiseOptions,
): Promise<string | undefined> {
  const { smokeTest } = resource;
  if (!smokeTest) return undefined;
  const { engine } = options;
  const { id: engineId, gpus } = await engine.info();
  const key = `${imageId} ${gpus ? "gpu " : ""}${JSON.stringify(smokeTest.command)}`;
  if ((await readTagLedger(resource.stateDir, engineId)).smokeTests[key]) return undefined;
  options.onNote?.(gpus ? "smoke test" : "smoke test without a GPU (this engine has none)");
  const result = await runSmokeTest(resource.reference, smokeTest, {
    engine,
    signal: options.signal,
    stack: resource.stack,
    image: resource.build.name,
    redact: redactorOf(resource.build),
  });
  event.smokeSeconds = result.seconds;
  event.smokeGpu = result.gpu;
  return key;
}

function noteSmokeTest(ledger: TagLedger, key: string): void {
  ledger.smokeTests[key] = new Date().toISOString();
  const keys = Object.keys(ledger.smokeTests);
  for (const old of keys.slice(0, Math.max(0, keys.length - keptSmokeTests))) delete ledger.smokeTests[old];
}

async function removeNameless(id: string, engine: Engine): Promise<void> {
  const image = await engine.image(id);
  if (image && image.tags.length === 0) await engine.untag(id);
}

/** `noCache` stays in the settings, but holds for the build that the counter asks for, not for every later one. */
function forOnce(
  build: ImageResource["build"],
  resource: ImageResource,
  previous: PreviousImage | undefined,
): ImageResource["build"] {
  const isForced = previous !== undefined && previous.parts.rebuild !== resource.parts.rebuild;
  return { ...build, rebuild: { ...build.rebuild, noCache: build.rebuild.noCache && isForced } };
}

async function newEvent(resource: ImageResource, previous: PreviousImage | undefined): Promise<ImageEvent> {
  const { stack, stateDir, build } = resource;
  const sameContent = previous?.hash === resource.hash;
  let reasons = previous ? changedParts(previous.parts, resource.parts) : ["new"];
  if (sameContent) reasons = ["names or smoke test"];
  else if (!previous && (await latestByImage(stateDir, stack)).get(build.name)?.hash === resource.hash)
    reasons = [goneReason];
  return {
    time: "",
    run: process.env.GPU_BUILD_HOST_RUN ?? "",
    stack,
    image: build.name,
    hash: resource.hash,
    reference: resource.reference,
    tags: resource.tags,
    result: sameContent ? "tagged" : "reused",
    reasons,
    buildSeconds: 0,
    smokeSeconds: 0,
    steps: [],
    size: 0,
    fetchedBytes: 0,
  };
}

function takeRecord(event: ImageEvent, record: BuildRecord): void {
  event.steps = record.steps;
  event.buildSeconds = record.seconds;
  event.fetchedBytes = record.fetchedBytes;
}

/** Keys of the parts that differ, e.g. `["file app/main.py", "argument CUDA"]`. */
export function changedParts(before: Record<string, string>, after: Record<string, string>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => before[key] !== after[key],
  );
}

function shortList(items: string[]): string {
  return items.length <= 4
    ? items.join(", ")
    : `${items.slice(0, 4).join(", ")} and ${items.length - 4} more`;
}

/** Whether the first layers are the base's; undefined where there is no base to compare with. */
async function sharesLayers(
  image: EngineImage,
  baseReference: string | undefined,
  engine: Engine,
): Promise<boolean | undefined> {
  const base = baseReference === undefined ? undefined : await engine.image(baseReference);
  return base && base.layers.every((layer, index) => image.layers[index] === layer);
}

/** What `liveFacts` says where everything is as it should be. */
export function wantedFacts(resource: { tags: string[]; build: { base?: string } }): Record<string, string> {
  const facts = Object.fromEntries(resource.tags.map((tag) => [tag, "this image"]));
  return resource.build.base === undefined ? facts : { ...facts, layers: "on its base" };
}

/** How the image really stands on the engine; undefined where its hash reference is gone. */
export async function liveFacts(
  resource: { reference: string; tags: string[]; build: { base?: string } },
  engine: Engine,
): Promise<Record<string, string> | undefined> {
  const image = await engine.image(resource.reference);
  if (!image) return undefined;
  const facts: Record<string, string> = {};
  for (const tag of resource.tags) {
    const reference = parseReference(tag);
    if (reference && image.tags.includes(familiarName(reference))) facts[tag] = "this image";
    else {
      const other = await engine.image(tag);
      facts[tag] = other ? `moved to ${other.id.slice(7, 19)}` : "missing";
    }
  }
  if (resource.build.base !== undefined) {
    const shared = await sharesLayers(image, resource.build.base, engine);
    facts.layers =
      shared === undefined ? "its base is missing" : shared ? "on its base" : "on other layers than its base";
  }
  return facts;
}

/**
 * Takes the image away: friendly names that are still ours, then every version.
 * @returns what stays, with the reason, for the user
 */
export async function removeImage(
  resource: { stack: string; stateDir: string; tags: string[]; build: { name: string } },
  engine: Engine,
): Promise<string[]> {
  const engineId = (await engine.info()).id;
  const { stack, stateDir, tags } = resource;
  const image = resource.build.name;
  return withTagLedger({ stateDir, engineId, stack }, async (ledger) => {
    const stay = await releaseTags({ stack, image, tags }, ledger, engine);
    const { kept } = await removeOldVersions({ stack, image, keep: 0 }, ledger, engine);
    releaseVersions(
      ledger,
      stack,
      kept.map(({ reference }) => reference),
    );
    return [
      ...stay,
      ...kept.map(({ reference, containers }) => `${reference} (used by ${containers.join(", ")})`),
    ];
  });
}
