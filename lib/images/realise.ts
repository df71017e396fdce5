import type { Engine } from "../docker/engine.ts";
import { buildImage, type BuildOptions, type BuildPlan, type BuildRecord } from "./build.ts";
import { appendEvent, latestByImage, type ImageEvent } from "./history.ts";
import { holdVersion } from "./in-work.ts";
import { keepWithinStorage } from "./keep-storage.ts";
import { removeOldVersions } from "./keep-versions.ts";
import { sharesLayers } from "./live-facts.ts";
import { keepPlainName } from "./plain-names.ts";
import { promote, refuseForeignTags, releaseTags, type Promotion } from "./promote.ts";
import { currentReference, notePromotion } from "./promoted.ts";
import { readTagLedger, withTagLedger, type TagLedger } from "./tag-ledger.ts";
import { gpuRefusal, noteSmokeTest, trySmokeTest, type SmokeOutcome } from "./try-smoke-test.ts";
import { UserError } from "../errors.ts";
import { npmCommand } from "../settings/commands.ts";
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
  /** Tags move only to images whose smoke test had a GPU. */
  requireGpu?: boolean;
  idleMinutes?: number;
  build: BuildPlan & Pick<ImagePlan, "parents" | "base" | "mustExist">;
}

/** What the state remembers of the image as it was before. */
export type PreviousImage = Pick<ImageResource, "hash" | "parts" | "tags">;

export interface RealiseOptions extends Pick<BuildOptions, "signal" | "onStep" | "onNote"> {
  engine: Engine;
}

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
  const promotion: Promotion = {
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
      `image "${build.name}": the earlier version ${reference} is not on this engine any more, so there is nothing to go back to; remove the pin: ${npmCommand("npm run rollback", stack, build.name, "--clear")}`,
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
  // A version to go back to was tried when it was promoted; today's test may be another one.
  const tried = build.mustExist ? {} : await trySmokeTest(resource, image?.id ?? "", event, options);
  signal.throwIfAborted();
  await withTagLedger({ stateDir: resource.stateDir, engineId, stack, signal }, async (ledger) => {
    noteSmokeTest(ledger, tried);
    if (resource.requireGpu && tried.gpu === false && (await movesTags(resource, image?.id, engine)))
      throw gpuRefusal(resource);
    await publish(resource, previous, promotion, tried, ledger, options);
    if (before && before.id !== image?.id) await removeNameless(before.id, engine);
  });
}

/** Moves the tags, and brings in line with that what the ledger and the engine keep of the image. */
async function publish(
  resource: ImageResource,
  previous: PreviousImage | undefined,
  promotion: Promotion,
  tried: SmokeOutcome,
  ledger: TagLedger,
  { engine, onNote }: RealiseOptions,
): Promise<void> {
  const { stack, reference, build, hash, parts, tags } = resource;
  const image = build.name;
  const formerly = currentReference(ledger, stack, image);
  await promote(promotion, ledger, engine);
  const gone = previous?.tags.filter((tag) => !tags.includes(tag)) ?? [];
  const stay = await releaseTags({ stack, image, tags: gone }, ledger, engine);
  if (stay.length > 0) onNote?.(`left alone: ${stay.join(", ")}`);
  const version = {
    ...{ stack, image, reference, hash, parts, tags, isPinned: build.mustExist === true },
    ...(build.base !== undefined && { base: build.base }),
    ...(tried.gpu !== undefined && { smokeGpu: tried.gpu }),
  };
  notePromotion(version, formerly, ledger);
  const note = await keepPlainName(promotion, ledger, engine);
  if (note !== undefined) onNote?.(note);
  const needed = [reference, ...(resource.needed ?? [])];
  const { kept } = await removeOldVersions({ stack, image, keep: resource.keep, needed }, ledger, engine);
  kept.push(...(await keepWithinStorage(resource, ledger, engine, onNote)));
  for (const { reference: old, containers } of kept)
    onNote?.(`${old} stays: used by ${containers.join(", ")}`);
}

async function movesTags(
  { tags }: ImageResource,
  imageId: string | undefined,
  engine: Engine,
): Promise<boolean> {
  const live = await Promise.all(tags.map((tag) => engine.image(tag)));
  return live.some((other) => other?.id !== imageId);
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
