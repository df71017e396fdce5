import { bytesByRemoval, layersOnEngine, type LayeredImage } from "../docker/layers.ts";
import type { Engine } from "../docker/engine.ts";
import { stackRepository } from "./image-reference.ts";
import { forgetVersion, orderOf, type KeptByUse } from "./keep-versions.ts";
import { isNeeded } from "./needed.ts";
import type { TagLedger } from "./tag-ledger.ts";

/** A version that is not in use any more and stays for going back. */
export interface FormerVersion {
  reference: string;
  /** Image ID. */
  id: string;
  /** Repository, e.g. `"localhost:1/dev/whisperx"`: of one image the version used last stays longest. */
  repository: string;
  /** Place in its image's order: 1 for the one before the current. */
  age: number;
  /** Milliseconds since 1970. */
  created: number;
}

/**
 * Former versions that go so that the rest takes at most `limit` bytes beside everything else on the engine: layers that
 * any other image has cost nothing. The oldest goes first, of each image the one not used for longest.
 */
export function beyondStorage(images: LayeredImage[], formers: FormerVersion[], limit: number): string[] {
  const rest = [...formers].sort((a, b) => a.created - b.created);
  const gone: string[] = [];
  let left = images;
  while (rest.length > 0 && bytesOfFormers(left, rest) > limit) {
    const next = rest.find(
      ({ repository, age }) => !rest.some((other) => other.repository === repository && other.age > age),
    )!;
    rest.splice(rest.indexOf(next), 1);
    gone.push(next.reference);
    if (!rest.some(({ id }) => id === next.id)) left = left.filter(({ id }) => id !== next.id);
  }
  return gone;
}

function bytesOfFormers(images: LayeredImage[], formers: FormerVersion[]): number {
  const ids = [...new Set(formers.map(({ id }) => id))];
  return [...bytesByRemoval(images, ids).values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** What a stack keeps for going back. */
interface Keeps {
  stack: string;
  /** Hash reference of the image that has just become the current one. */
  reference: string;
  /** Versions of each image. */
  keep: number;
  /** Bytes that all former versions may take. @default no ceiling */
  keepStorage?: number;
  /** Versions that the stack wants now, see `neededText`. */
  needed?: string | undefined;
}

/** Notes what the stack keeps, and removes what is beyond its ceiling. Returns what stays because it is in use. */
export async function keepWithinStorage(
  { stack, reference, keep, keepStorage, needed = "" }: Keeps,
  ledger: TagLedger,
  engine: Engine,
  onNote?: (note: string) => void,
): Promise<KeptByUse[]> {
  ledger.keeps[stack] = { versions: keep, ...(keepStorage !== undefined && { storage: keepStorage }) };
  if (keepStorage === undefined) return [];
  const isKept = (other: string): boolean => other === reference || isNeeded(other, needed);
  const options = { stack, limit: keepStorage, isNeeded: isKept };
  const { removed, kept } = await removeBeyondStorage(options, ledger, engine);
  if (removed.length > 0) onNote?.(`beyond keepStorage, removed: ${removed.join(", ")}`);
  return kept;
}

/**
 * Removes former versions of a stack beyond its ceiling, never by force and never one that is needed: what the stack
 * is about to go back to may not be its current version yet.
 */
export async function removeBeyondStorage(
  options: { stack: string; limit: number; isNeeded: (reference: string) => boolean },
  ledger: TagLedger,
  engine: Engine,
): Promise<{ removed: string[]; kept: KeptByUse[] }> {
  const result = { removed: [] as string[], kept: [] as KeptByUse[] };
  const [all, containers] = await Promise.all([engine.imageList(), engine.containers({})]);
  const inUse = new Set(containers.map(({ image }) => image));
  const prefix = `${stackRepository(options.stack)}/`;
  const pinned = Object.values(ledger.pins);
  const formers = all.flatMap(({ id, tags, created }) => {
    // A name besides hash references is somebody's use of it.
    if (tags.some((tag) => !tag.startsWith("localhost:1/"))) return [];
    return tags
      .filter((tag) => tag.startsWith(prefix) && !options.isNeeded(tag) && !pinned.includes(tag))
      .map((reference) => ({ reference, id, created, ...orderOf(reference, ledger) }))
      .filter(({ age }) => age > 0);
  });
  const candidates = formers.filter(
    ({ id }) =>
      !inUse.has(id) &&
      !all.some((image) => image.id === id && image.tags.some((tag) => isOther(tag, formers))),
  );
  const sizes = new Map(all.map(({ id, size }) => [id, size]));
  const atMost = candidates.reduce((sum, { id }) => sum + (sizes.get(id) ?? 0), 0);
  if (atMost <= options.limit) return result; // shared layers counted again and again, and still below
  const images = await layersOnEngine(
    all.map(({ id }) => id),
    engine,
  );
  for (const reference of beyondStorage(images, candidates, options.limit)) {
    const removal = await engine.untag(reference);
    if (typeof removal === "object")
      result.kept.push({
        reference,
        containers: removal.usedBy.map(({ name, state }) => `${name} (${state})`),
      });
    else {
      forgetVersion(ledger, reference);
      result.removed.push(reference);
    }
  }
  return result;
}

function isOther(tag: string, formers: { reference: string }[]): boolean {
  return !formers.some(({ reference }) => reference === tag);
}
