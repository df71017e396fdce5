import type { Engine } from "../docker/engine.ts";
import { noteVersion } from "./keep-versions.ts";
import { readTagLedger, type PromotedVersion, type TagLedger } from "./tag-ledger.ts";
import type { ImagePlan } from "./types.ts";

/** Hash reference that an image's friendly tags were moved to last; undefined where the ledger has none of its tags. */
export function currentReference(ledger: TagLedger, stack: string, image: string): string | undefined {
  return Object.values(ledger.tags).find(
    (entry) => entry.stack === stack && entry.image === image && !entry.isPlain,
  )?.reference;
}

/**
 * A version in short: its reference without what all versions of the image share.
 * @example shortVersion("localhost:1/dev/whisperx:cu128-0123456789abcdef") // "cu128-0123456789abcdef"
 */
export function shortVersion(reference: string): string {
  return reference.slice(reference.lastIndexOf(":") + 1);
}

/** Notes that friendly tags are on a version now, and what is to be known for going back to it. */
export function notePromotion(
  version: { stack: string; image: string; reference: string; isPinned: boolean } & Omit<
    PromotedVersion,
    "time"
  >,
  formerly: string | undefined,
  ledger: TagLedger,
): void {
  const { stack, image, reference, isPinned, hash, parts, tags, base, smokeGpu } = version;
  const key = `${stack}/${image}`;
  if (isPinned) ledger.pins[key] = reference;
  else delete ledger.pins[key];
  // A pin leaves the order as it is: going back once more must not lead forward again.
  if (!isPinned || !ledger.versions[key]?.includes(reference))
    noteVersion(ledger, stack, image, reference, formerly);
  if (isPinned && ledger.promoted[reference]) return;
  ledger.promoted[reference] = {
    time: new Date().toISOString(),
    hash,
    parts,
    tags,
    ...(base !== undefined && { base }),
    ...(smokeGpu !== undefined && { smokeGpu }),
  };
}

/** What of an image's state a rollback changes. */
interface ImageState {
  stack: string;
  stateDir: string;
  reference: string;
  tags: string[];
  hash: string;
  parts: Record<string, string>;
  build: Pick<ImagePlan, "name" | "base" | "basesBelow">;
}

/**
 * The state as the engine's ledger has it: a rollback moves an image's tags without Pulumi, whose next look finds them on
 * another version than its state says.
 */
export async function asPromoted<T extends ImageState>(state: T, engine: Engine): Promise<T> {
  const ledger = await readTagLedger(state.stateDir, (await engine.info()).id);
  const reference = currentReference(ledger, state.stack, state.build.name);
  const version = reference === undefined ? undefined : ledger.promoted[reference];
  if (reference === undefined || reference === state.reference || !version) return state;
  if (!(await engine.image(reference))) return state;
  const { hash, parts, tags, base } = version;
  const { base: _, basesBelow: __, ...build } = state.build;
  return { ...state, reference, hash, parts, tags, build: { ...build, ...(base !== undefined && { base }) } };
}
