import { noteBuild } from "../bill/note-build.ts";
import type { Engine } from "../docker/engine.ts";
import { messageOf, UserError } from "../errors.ts";
import { npmCommand } from "../settings/commands.ts";
import { belongsOn, noteApart } from "./apart.ts";
import { roomFor, safeParallel } from "./build-slots.ts";
import { buildImage, type BuildRecord } from "./build.ts";
import { appendEvent, earlierImages, type ImageEvent } from "./history.ts";
import { imageOfContent } from "./image-of-content.ts";
import type { ImageResource, PreviousImage, RealiseOptions } from "./image-resource.ts";
import { holdVersion } from "./in-work.ts";
import { keepWithinStorage } from "./keep-storage.ts";
import { removeOldVersions } from "./keep-versions.ts";
import { isNeeded } from "./needed.ts";
import { keepPlainName } from "./plain-names.ts";
import { promote, refuseForeignTags, releaseTags, type Promotion } from "./promote.ts";
import { currentReference, notePromotion } from "./promoted.ts";
import { changedParts, reasonsToBuild, whyBuild, type EarlierImage } from "./rebuilds.ts";
import { readTagLedger, withTagLedger, type TagLedger } from "./tag-ledger.ts";
import { gpuRefusal, noteSmokeTest, trySmokeTest, type SmokeOutcome } from "./try-smoke-test.ts";

/**
 * Makes it so: reuses the image or builds it, tries it, moves the friendly tags, removes old versions, and writes the history.
 * Throws before a tag moves when the build or the smoke test fails. A history that cannot be written fails nothing.
 */
export async function realiseImage(
  resource: ImageResource,
  previous: PreviousImage | undefined,
  options: RealiseOptions,
): Promise<ImageEvent> {
  const event = newEvent(resource, previous);
  const { reference, stack } = resource;
  try {
    const engineId = (await options.engine.info()).id;
    await holdVersion({ engineId, reference, stack, signal: options.signal }, () =>
      realise(resource, previous, event, options),
    );
    return event;
  } catch (error) {
    event.result = "failed";
    event.error = messageOf(error);
    throw error;
  } finally {
    event.time = new Date().toISOString();
    // A full disk, say: the report lacks a line, and how it went stays as it is.
    await appendEvent(resource.stateDir, event).catch((error: unknown) =>
      options.onWarning?.(`history not written: ${messageOf(error)}`),
    );
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
  const before = await imageOfContent(resource, engine);
  if (!before && build.mustExist)
    throw new UserError(
      `image "${build.name}": the earlier version ${reference} is not on this engine any more, so there is nothing to go back to; remove the pin: ${npmCommand("npm run rollback", stack, build.name, "--clear")}`,
    );
  const base = build.base === undefined ? undefined : await engine.image(build.base);
  const cause = whyBuild(build, {
    isThere: before !== undefined,
    belongsOnBase: !before || !base || (await belongsOn(before, base, resource.stateDir, engine)),
    isBaseBuilt: options.run.built.has(build.base ?? ""),
  });
  if (cause) {
    event.reasons = reasonsToBuild(cause, await earlier(resource, previous), resource);
    event.result = "built";
    options.run.built.add(reference);
    await inTurn(resource, options, () => buildAndNote(resource, previous, event, options));
  } else {
    if (before && !before.tags.includes(reference)) await engine.tag(before.id, reference);
    if (event.result === "reused") options.onNote?.("already built: reused");
  }
  signal.throwIfAborted();
  const image = await engine.image(reference);
  event.size = image?.size ?? 0;
  // A version to go back to was tried when it was promoted; today's test may be another one.
  const tried = build.mustExist ? {} : await trySmokeTest(resource, image?.id ?? "", event, options);
  signal.throwIfAborted();
  await withTagLedger({ stateDir: resource.stateDir, engineId, stack, signal }, async (ledger) => {
    noteSmokeTest(ledger, tried);
    if (cause && image && base) noteApart(ledger, image, base);
    if (resource.requireGpu && tried.gpu === false && (await movesTags(resource, image?.id, engine)))
      throw gpuRefusal(resource);
    await publish(resource, previous, promotion, tried, ledger, options);
    if (before && before.id !== image?.id) await removeNameless(before.id, engine);
  });
}

async function buildAndNote(
  resource: ImageResource,
  previous: PreviousImage | undefined,
  event: ImageEvent,
  options: RealiseOptions,
): Promise<void> {
  const { engine, run, onNote, onWarning } = options;
  const { stack, stateDir, reference, build, parts, idleMinutes } = resource;
  onNote?.(`building: ${shortList(event.reasons)}`);
  const cache = await run.cacheFor(resource, engine, (text) => onWarning?.(text));
  const began = Date.now();
  const record = await buildImage(forOnce(build, resource, previous), reference, {
    ...options,
    onRecord: (done) => takeRecord(event, done),
    ...(idleMinutes && { idleMinutes }),
    ...(cache && { cache }),
    onWarning: (text: string) => run.warnOnce(text, (once) => onWarning?.(once)),
  });
  await noteBuild({ stack, stateDir, reference, plan: { ...build, parts }, began, ...record }, engine);
}

/** Waits for a turn among the builds of this run: images that stand on nothing of each other come all at once. */
function inTurn<T>(resource: ImageResource, options: RealiseOptions, work: () => Promise<T>): Promise<T> {
  const { engine, run, signal, onNote } = options;
  const limit = async (): Promise<number> =>
    resource.parallel ?? safeParallel(await roomFor((await engine.info()).dataRoot));
  const onWait = (most: number): void =>
    onNote?.(`waits: ${most} ${most === 1 ? "build runs" : "builds run"} at a time (build.parallel)`);
  return run.slots.hold(limit, { signal, onWait }, work);
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
  const { keep, needed = "" } = resource;
  const isKept = (other: string): boolean => other === reference || isNeeded(other, needed);
  const { kept } = await removeOldVersions({ stack, image, keep, isNeeded: isKept }, ledger, engine);
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

function newEvent(resource: ImageResource, previous: PreviousImage | undefined): ImageEvent {
  const { stack, build } = resource;
  const sameContent = previous?.hash === resource.hash;
  let reasons = previous ? changedParts(previous.parts, resource.parts) : ["new"];
  if (sameContent) reasons = ["names or smoke test"];
  return {
    began: new Date().toISOString(),
    time: "",
    run: process.env.GPU_BUILD_HOST_RUN ?? "",
    stack,
    image: build.name,
    hash: resource.hash,
    reference: resource.reference,
    tags: resource.tags,
    result: sameContent ? "tagged" : "reused",
    reasons,
    ...(!sameContent && { parts: resource.parts }),
    buildSeconds: 0,
    smokeSeconds: 0,
    steps: [],
    size: 0,
    fetchedBytes: 0,
  };
}

function takeRecord(event: ImageEvent, record: BuildRecord): void {
  event.steps = record.steps;
  event.housekeeping = record.housekeeping;
  event.buildSeconds = record.seconds;
  event.fetchedBytes = record.fetchedBytes;
}

/** What Pulumi's state says; where it has forgotten the image, since it was gone, what the history says. */
async function earlier(
  { stateDir, stack, build }: ImageResource,
  previous: PreviousImage | undefined,
): Promise<EarlierImage | undefined> {
  return previous ?? (await earlierImages(stateDir, stack)).get(build.name);
}

function shortList(items: string[]): string {
  return items.length <= 4
    ? items.join(", ")
    : `${items.slice(0, 4).join(", ")} and ${items.length - 4} more`;
}
