import type { Engine, EngineImage } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { setCommand } from "../settings/commands.ts";
import { normalName, parseReference, pathComponent, stackRepository } from "./image-reference.ts";
import type { TagLedger } from "./tag-ledger.ts";

/** Whose tags move, and where to. */
export interface Promotion {
  stack: string;
  image: string;
  /** Hash reference that the tags move to. */
  reference: string;
  tags: string[];
  /** Take names off images that no stack of ours made; they get them back on destroy. */
  adopt: boolean;
  /** The tags are plain names, which `npm run use` may take from another stack. */
  isPlain?: boolean;
}

type NamedImage = Pick<EngineImage, "id" | "tags">;

/** Where names are looked up: an engine, or what it listed a moment ago. */
interface NamesOnEngine extends Pick<Engine, "names"> {
  image(reference: string): Promise<NamedImage | undefined>;
}

/** Throws where a friendly tag belongs to somebody else: asked before a build that would be in vain. */
export async function refuseForeignTags(
  promotion: Promotion,
  ledger: TagLedger,
  engine: NamesOnEngine,
): Promise<void> {
  for (const tag of promotion.tags) {
    const live = await engine.image(tag);
    if (live) await isForeign(tag, live, promotion, ledger, engine);
  }
}

/** Moves the friendly tags to the image. Throws a UserError before anything moves where a name belongs to somebody else. */
export async function promote(
  promotion: Promotion,
  ledger: TagLedger,
  engine: Engine,
): Promise<{ moved: string[] }> {
  const target = await engine.image(promotion.reference);
  if (!target)
    throw new UserError(`${promotion.reference} vanished before its tags could move to it; run again`);
  const steps = await Promise.all(
    promotion.tags.map(async (tag) => ({ tag, live: await engine.image(tag) })),
  );
  const foreign: { tag: string; live: EngineImage }[] = [];
  for (const { tag, live } of steps)
    if (live && (await isForeign(tag, live, promotion, ledger, engine))) foreign.push({ tag, live });
  const moved: string[] = [];
  for (const { tag, live } of steps) {
    const name = normalName(tag);
    const formerImage = foreign.find((other) => other.tag === tag)?.live;
    const former = formerImage ? formerReference(promotion.stack, tag) : ledger.tags[name]?.former;
    if (formerImage) await engine.tag(formerImage.id, formerReference(promotion.stack, tag));
    ledger.tags[name] = {
      stack: promotion.stack,
      image: promotion.image,
      reference: promotion.reference,
      ...(former && { former }),
      ...(promotion.isPlain && { isPlain: true }),
    };
    if (live?.id === target.id) continue;
    await engine.tag(target.id, tag);
    moved.push(tag);
  }
  return { moved };
}

/** Whether a name is on somebody else's image, to be kept for them. Throws where it must not be taken. */
async function isForeign(
  tag: string,
  live: NamedImage,
  promotion: Promotion,
  ledger: TagLedger,
  engine: NamesOnEngine,
): Promise<boolean> {
  const owner = await ownerOf(tag, live, promotion.stack, ledger, engine);
  if (owner === promotion.stack) return false;
  const entry = ledger.tags[normalName(tag)];
  if (promotion.isPlain && owner !== undefined && (!entry || entry.isPlain)) return false;
  if (owner !== undefined && entry?.isPlain)
    throw new UserError(
      `the tag ${tag} is the plain name of stack "${owner}" on this engine; to give it up: npm run use -- ${owner} --clear`,
    );
  if (owner !== undefined && promotion.isPlain)
    throw new UserError(
      `the name ${tag} is a tag in the settings of stack "${owner}" on this engine; give it another one there (services.<name>.tags), then run again`,
    );
  if (owner !== undefined)
    throw new UserError(
      `the tag ${tag} belongs to stack "${owner}" on this engine; give this stack's tags an ending of their own: ${setCommand(promotion.stack, "variant", "NAME")}`,
    );
  if (promotion.adopt) return true;
  if (promotion.isPlain)
    throw new UserError(
      `the name ${tag} is on an image that no stack made (${live.id.slice(7, 19)}); remove or rename it, or take the name (it is given back with --clear and on destroy): ${setCommand(promotion.stack, "adoptTags", "true")}`,
    );
  throw new UserError(
    `the tag ${tag} is on an image that no stack made (${live.id.slice(7, 19)}); to use other tags: ${setCommand(promotion.stack, "variant", "NAME")}; to take the name (it is given back on destroy): ${setCommand(promotion.stack, "adoptTags", "true")}`,
  );
}

/** The stack that a name belongs to; undefined for an image of nobody's. */
async function ownerOf(
  tag: string,
  live: NamedImage,
  stack: string,
  ledger: TagLedger,
  engine: NamesOnEngine,
): Promise<string | undefined> {
  const entry = ledger.tags[normalName(tag)];
  if (entry?.stack === stack) return stack;
  const stacks = new Set(
    live.tags.flatMap((name) => /^localhost:1\/([^/]+)\/(?!former\/)/.exec(name)?.[1] ?? []),
  );
  // An entry counts as long as its stack has images here; one that was wiped has given its names up.
  if (entry && (await engine.names(`${stackRepository(entry.stack)}/*`)).length > 0) return entry.stack;
  // Without an entry the hash references on the same image tell: the ledger was lost.
  if (stacks.has(pathComponent(stack))) return stack;
  return [...stacks][0];
}

/** Name that keeps an image whose friendly name we took. */
export function formerReference(stack: string, tag: string): string {
  const { host, repository, tag: version = "latest" } = parseReference(tag)!;
  return `${stackRepository(stack)}/former/${pathComponent(`${host === "docker.io" ? "" : `${host}-`}${repository.replace(/^library\//, "").replaceAll("/", "-")}`)}:${version}`;
}

/**
 * Gives friendly tags up: each name that is still on an image of ours goes, and whoever had it before gets it back.
 * @returns names that stay because they are on another image by now, or because a container needs them
 */
export async function releaseTags(
  release: { stack: string; image: string; tags: string[] },
  ledger: TagLedger,
  engine: Engine,
): Promise<string[]> {
  const stay: string[] = [];
  for (const tag of release.tags) {
    const name = normalName(tag);
    const entry = ledger.tags[name];
    if (entry && (entry.stack !== release.stack || entry.image !== release.image)) continue; // another image has taken it over
    const live = await engine.image(tag);
    const ours = live?.tags.some(
      (other) => other.startsWith(`${stackRepository(release.stack)}/`) && !other.includes("/former/"),
    );
    if (live && !ours) stay.push(`${tag} (on another image now)`);
    const former = entry?.former ?? formerReference(release.stack, tag);
    const formerImage = await engine.image(former);
    if (live && ours && formerImage) await engine.tag(formerImage.id, tag);
    else if (live && ours) {
      const removal = await engine.untag(tag);
      if (typeof removal === "object")
        stay.push(`${tag} (used by ${removal.usedBy.map(({ name: container }) => container).join(", ")})`);
    } else if (!live && formerImage) await engine.tag(formerImage.id, tag);
    // Its own name is on a third image by now: the reference is all that keeps it.
    if (formerImage && live && !ours) stay.push(`${former} (what ${tag} was before us)`);
    else if (formerImage) await engine.untag(former);
    delete ledger.tags[name];
  }
  return stay;
}
