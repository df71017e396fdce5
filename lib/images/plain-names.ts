import type { Engine } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { familiarName, normalName, parseReference, pathComponent } from "./image-reference.ts";
import { promote, refuseForeignTags, releaseTags, type Promotion } from "./promote.ts";
import { currentReference } from "./promoted.ts";
import type { TagLedger } from "./tag-ledger.ts";

/**
 * The name of an image without a version, which one stack of an engine has at a time.
 * @example plainName("cuda-base-runtime") // "cuda-base:runtime"
 * @example plainName("whisperx") // "whisperx:latest"
 */
export function plainName(image: string): string {
  const kind = /^cuda-base-(runtime|devel)$/.exec(image)?.[1];
  return kind ? `cuda-base:${kind}` : `${pathComponent(image)}:latest`;
}

/** One plain name and what it means. */
export interface PlainName {
  name: string;
  stack: string;
  image: string;
  reference: string;
}

/** The plain names of an engine, by name. */
export function plainNames(ledger: TagLedger): PlainName[] {
  return Object.entries(ledger.tags)
    .filter(([, entry]) => entry.isPlain)
    .map(([name, { stack, image, reference }]) => ({
      name: familiarName(parseReference(name)!),
      stack,
      image,
      reference,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What `npm run use` came to. */
export interface UseResult {
  names: PlainName[];
  /** Names that mean another image now. */
  moved: string[];
  /** Names that were given up: the stack has no such image. */
  released: string[];
  /** What stays as it is, with the reason. */
  notes: string[];
}

/** Moves the plain names to a stack's current images, all or none; its later runs take them along. */
export async function usePlainNames(
  options: { stack: string; images: string[]; adopt: boolean },
  ledger: TagLedger,
  engine: Engine,
): Promise<UseResult> {
  const { stack, adopt } = options;
  const notes: string[] = [];
  const promotions: Promotion[] = [];
  for (const image of options.images) {
    const reference = currentReference(ledger, stack, image);
    if (reference === undefined || !(await engine.image(reference)))
      notes.push(`${image} is not built: its plain name comes with the next run of the stack`);
    else if (isDeclared(plainName(image), stack, ledger))
      notes.push(`${plainName(image)} is a tag in the settings of the stack "${stack}" already`);
    else promotions.push({ stack, image, reference, tags: [plainName(image)], adopt, isPlain: true });
  }
  if (promotions.length === 0)
    throw new UserError(
      `The stack "${stack}" has no images on this engine that plain names could mean: ${stack === "sandbox" ? "npm start" : `pulumi up -s ${stack}`} first.`,
    );
  for (const promotion of promotions) await refuseForeignTags(promotion, ledger, engine);
  const wanted = promotions.flatMap(({ tags }) => tags);
  const rest = plainNames(ledger).filter(({ name }) => !wanted.includes(name));
  ledger.plainNames = stack;
  const moved: string[] = [];
  for (const promotion of promotions) moved.push(...(await promote(promotion, ledger, engine)).moved);
  for (const other of rest) notes.push(...(await release(other, ledger, engine)));
  return { names: plainNames(ledger), moved, released: rest.map(({ name }) => name), notes };
}

/** Takes all plain names away; who had one before us gets it back. */
export async function clearPlainNames(ledger: TagLedger, engine: Engine): Promise<UseResult> {
  const notes: string[] = [];
  const all = plainNames(ledger);
  for (const plain of all) notes.push(...(await release(plain, ledger, engine)));
  delete ledger.plainNames;
  return { names: [], moved: [], released: all.map(({ name }) => name), notes };
}

/**
 * Takes an image's plain name along after its tags have moved, where its stack has the plain names.
 * @returns why it stays where it is
 */
export async function keepPlainName(
  { stack, image, reference, adopt }: Promotion,
  ledger: TagLedger,
  engine: Engine,
): Promise<string | undefined> {
  const name = plainName(image);
  if (ledger.plainNames !== stack || isDeclared(name, stack, ledger)) return undefined;
  try {
    await promote({ stack, image, reference, tags: [name], adopt, isPlain: true }, ledger, engine);
    return undefined;
  } catch (error) {
    // Somebody else's: no reason to fail a run that publishes its own tags.
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/** Gives up the plain name of an image that goes; with its last image the stack gives up all of it. */
export async function releasePlainName(
  { stack, image }: { stack: string; image: string },
  ledger: TagLedger,
  engine: Engine,
): Promise<string[]> {
  const own = plainNames(ledger).filter((plain) => plain.stack === stack);
  const stay: string[] = [];
  for (const plain of own.filter((other) => other.image === image))
    stay.push(...(await release(plain, ledger, engine)));
  if (ledger.plainNames === stack && !own.some((plain) => plain.image !== image)) delete ledger.plainNames;
  return stay;
}

function release({ name, stack, image }: PlainName, ledger: TagLedger, engine: Engine): Promise<string[]> {
  return releaseTags({ stack, image, tags: [name] }, ledger, engine);
}

/** Whether the stack's settings give the name to an image, as a tag. */
function isDeclared(name: string, stack: string, ledger: TagLedger): boolean {
  const entry = ledger.tags[normalName(name)];
  return entry?.stack === stack && !entry.isPlain;
}
