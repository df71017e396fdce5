import type { Engine } from "../docker/engine.ts";
import { messageOf, UserError } from "../errors.ts";
import { appendEvent, latestByImage, readHistory, type ImageEvent } from "./history.ts";
import { stackRepository } from "./image-reference.ts";
import { isInWork } from "./in-work.ts";
import { keepPlainName } from "./plain-names.ts";
import { promote, refuseForeignTags, releaseTags, type Promotion } from "./promote.ts";
import { currentReference, notePromotion, shortVersion } from "./promoted.ts";
import { withTagLedger, type TagLedger } from "./tag-ledger.ts";
import { chooseVersion, followers, hashOf, versionLines, type VersionLine } from "./versions-back.ts";

export interface RollbackRequest {
  stack: string;
  stateDir: string;
  /** Every image of the stack. */
  stackImages: string[];
  /** Those that go back. */
  images: string[];
  /** Version to go to: a number of the list, a reference, its tag or its hash. @default the one before */
  to?: string;
  /** Images that the settings pin. */
  pinned: string[];
  adopt: boolean;
}

export interface RollbackOptions {
  engine: Engine;
  /** Looked at until the first thing changes; from there on it goes through to the end. */
  signal: AbortSignal;
  /** Writes pins, image → hash, into the stack's configuration. Returns what takes them out again. */
  writePins: (pins: Record<string, string>) => Promise<() => Promise<void>>;
}

/** One image that went back. */
export interface RollbackMove {
  image: string;
  /** Hash reference that its tags were on; undefined where nobody remembers. */
  from?: string;
  /** Hash reference that its tags are on now. */
  to: string;
  tags: string[];
  /** False: it follows the image that it stands on. */
  isPinned: boolean;
}

export interface RollbackResult {
  moves: RollbackMove[];
  /** Images that the next run builds: they stand on one that went back, and were never built on it. */
  rebuild: string[];
  /** What else is to be said. */
  notes: string[];
}

/** Versions of images that one can go to, by image. */
export async function listVersions(
  { stack, stateDir, images }: Pick<RollbackRequest, "stack" | "stateDir" | "images">,
  ledger: TagLedger,
  engine: Engine,
): Promise<Map<string, VersionLine[]>> {
  const [present, history] = await Promise.all([referencesOf(stack, engine), readHistory(stateDir, stack)]);
  return new Map(images.map((name) => [name, versionLines(ledger, { stack, name }, present, history)]));
}

/**
 * Moves images back to an earlier version: first the pin is written, which says what is wanted, then the tags move. Killed
 * between the two, the next run (`pulumi up`, or the same command again) moves the tags to what the pin says.
 */
export async function rollBack(request: RollbackRequest, options: RollbackOptions): Promise<RollbackResult> {
  const { stack, stateDir } = request;
  const { engine, signal } = options;
  const engineId = (await engine.info()).id;
  const result = await withTagLedger({ stateDir, engineId, stack, signal }, async (ledger) => {
    const { moves, rebuild, notes } = await chooseMoves(request, ledger, options);
    await refuseRunAtWork(moves, engineId);
    const promotions = moves.map((move) => promotionOf(move, request));
    for (const promotion of promotions) await refuseForeignTags(promotion, ledger, engine);
    signal.throwIfAborted();
    const pins = moves.filter(({ isPinned }) => isPinned).map(({ image, to }) => [image, hashOf(to)]);
    const unpin = await options.writePins(Object.fromEntries(pins) as Record<string, string>);
    const before = structuredClone(ledger);
    try {
      for (const move of moves) notes.push(...(await moveTags(move, request, ledger, engine)));
    } catch (error) {
      Object.assign(ledger, before);
      await putBack(moves, request, ledger, engine).finally(unpin);
      throw error;
    }
    return { moves, rebuild, notes };
  });
  await note(result.moves, request).catch((error: unknown) =>
    result.notes.push(`history not written: ${messageOf(error)}`),
  );
  return result;
}

async function chooseMoves(
  request: RollbackRequest,
  ledger: TagLedger,
  { engine }: RollbackOptions,
): Promise<RollbackResult> {
  const { stack, stateDir, images, stackImages } = request;
  const notes: string[] = [];
  const targets = new Map<string, string>();
  for (const [image, lines] of await listVersions(request, ledger, engine)) {
    const line = chooseVersion(lines, request.to);
    if (line) targets.set(image, line.reference);
    else if (request.to !== undefined) throw noSuchVersion(image, request.to, lines);
    else notes.push(nothingBefore(image, lines));
  }
  if (targets.size === 0) throw new UserError(notes.join("\n"));
  const pinned = new Set([...request.pinned, ...targets.keys()]);
  const present = await referencesOf(stack, engine);
  const { move, rebuild } = followers(ledger, stack, stackImages, targets, pinned, present);
  const latest = await latestByImage(stateDir, stack);
  const moves = [...targets, ...move].map(([image, to]): RollbackMove => {
    const from = currentReference(ledger, stack, image);
    const tags = ledger.promoted[to]?.tags ?? latest.get(image)?.tags ?? [];
    return { image, ...(from !== undefined && { from }), to, tags, isPinned: targets.has(image) };
  });
  moves.sort((a, b) => stackImages.indexOf(a.image) - stackImages.indexOf(b.image));
  return { moves, rebuild: rebuild.filter((image) => !images.includes(image)), notes };
}

function nothingBefore(image: string, lines: VersionLine[]): string {
  const current = lines.find(({ isCurrent }) => isCurrent);
  const what = current ? `before ${shortVersion(current.reference)} ` : "";
  return `${image}: there is no version ${what}to go back to on this engine`;
}

function noSuchVersion(image: string, to: string, lines: VersionLine[]): UserError {
  const known = lines.map(({ number, reference }) => `${number} (${shortVersion(reference)})`).join(", ");
  return new UserError(
    `${image}: there is no version ${to} to go to on this engine; there ${lines.length === 1 ? "is" : "are"} ${known || "none"}`,
  );
}

/** A run that is just building or trying one of the images would move its tags on right after us. */
async function refuseRunAtWork(moves: RollbackMove[], engineId: string): Promise<void> {
  for (const { image, from, to } of moves)
    for (const reference of [from, to])
      if (reference !== undefined && (await isInWork(engineId, reference)))
        throw new UserError(`A run is at work on the image ${image} (${reference}): wait for it or stop it.`);
}

function promotionOf({ image, to, tags }: RollbackMove, { stack, adopt }: RollbackRequest): Promotion {
  return { stack, image, reference: to, tags, adopt };
}

async function moveTags(
  move: RollbackMove,
  request: RollbackRequest,
  ledger: TagLedger,
  engine: Engine,
): Promise<string[]> {
  const { image, from, to, tags, isPinned } = move;
  const { stack } = request;
  const promotion = promotionOf(move, request);
  const gone = (ledger.promoted[from ?? ""]?.tags ?? []).filter((tag) => !tags.includes(tag));
  await promote(promotion, ledger, engine);
  const notes = await releaseTags({ stack, image, tags: gone }, ledger, engine);
  const known = ledger.promoted[to] ?? { hash: hashOf(to), parts: {}, tags };
  // The order stays, also of what follows: its next run puts it in front.
  const pin = ledger.pins[`${stack}/${image}`];
  notePromotion({ ...known, stack, image, reference: to, isPinned: true }, from, ledger);
  if (!isPinned) {
    if (pin === undefined) delete ledger.pins[`${stack}/${image}`];
    else ledger.pins[`${stack}/${image}`] = pin;
  }
  const plain = await keepPlainName(promotion, ledger, engine);
  return [...notes.map((name) => `left alone: ${name}`), ...(plain === undefined ? [] : [plain])];
}

/** After a failure in the middle: the tags of all images to where they were, as far as the engine still does it. */
async function putBack(
  moves: RollbackMove[],
  request: RollbackRequest,
  ledger: TagLedger,
  engine: Engine,
): Promise<void> {
  for (const { image, from } of moves) {
    const version = ledger.promoted[from ?? ""];
    if (from === undefined || !version) continue;
    const { stack, adopt } = request;
    const promotion = { stack, image, reference: from, tags: version.tags, adopt };
    await promote(promotion, ledger, engine).catch(() => undefined);
    await keepPlainName(promotion, ledger, engine).catch(() => undefined);
  }
}

async function referencesOf(stack: string, engine: Engine): Promise<Set<string>> {
  return new Set((await engine.names(`${stackRepository(stack)}/*:*`)).map(({ name }) => name));
}

async function note(moves: RollbackMove[], { stack, stateDir }: RollbackRequest): Promise<void> {
  for (const { image, from, to, tags, isPinned } of moves) {
    if (from === to) continue;
    const event: ImageEvent = {
      time: new Date().toISOString(),
      run: process.env.GPU_BUILD_HOST_RUN ?? "",
      ...{ stack, image, hash: hashOf(to), reference: to, tags, result: "tagged" },
      reasons: [isPinned ? "rolled back" : "follows an image that was rolled back"],
      ...{ buildSeconds: 0, smokeSeconds: 0, steps: [], size: 0, fetchedBytes: 0 },
    };
    await appendEvent(stateDir, event);
  }
}
