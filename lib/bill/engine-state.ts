import type { Engine } from "../docker/engine.ts";
import { layersOf, listedImages } from "../docker/listed-images.ts";
import { diskRoom } from "../host/disk.ts";
import { cacheMount, type CacheRecord } from "../prune/build-cache.ts";
import { readCache } from "../prune/content.ts";
import { messageOf } from "../errors.ts";
import { readNotes, type BuildNote } from "./build-notes.ts";
import { withinTime } from "./within-time.ts";

/** Milliseconds for each of the two questions: what is there, and the layers of every image. */
const limit = 1_500;
/** Images whose layers are asked for at a time. */
const atATime = 16;

/** What is on an engine, as far as a bill reads it. */
export interface EngineState {
  engine?: Engine;
  cached: Set<string>;
  held: Map<string, Set<string>>;
  notes: BuildNote[];
  references: Set<string>;
  chains: string[][];
  records: CacheRecord[];
  room?: Awaited<ReturnType<typeof diskRoom>>;
}

/** What the engine has; an empty machine where there is none or it does not answer. */
export async function readEngine(
  engine: Engine | undefined,
  stateDir: string,
  problems: string[],
): Promise<EngineState> {
  const empty: EngineState = {
    cached: new Set(),
    held: new Map(),
    notes: [],
    references: new Set(),
    chains: [],
    records: [],
  };
  if (!engine) return empty;
  try {
    const { images, ...state } = await withinTime(limit, async () => {
      const [{ id }, root, records, { images }] = await Promise.all([
        engine.info(),
        engine.ask<{ DockerRootDir?: string }>({ path: "/info" }),
        readCache(engine),
        listedImages(engine),
      ]);
      const notes = await readNotes(stateDir, id);
      return {
        engine,
        ...heldBy(notes, records),
        notes,
        references: new Set(images.flatMap(({ tags }) => tags)),
        records,
        room: await diskRoom(root.DockerRootDir ?? ""),
        images,
      };
    });
    const ids = images.map(({ id }) => id);
    return { ...state, chains: await readChains(ids, engine, problems) };
  } catch (error) {
    problems.push(
      `what the engine holds: ${messageOf(error).split("\n")[0]}; everything counts as to be fetched`,
    );
    return empty;
  }
}

/** Layers of every image, lowest first. Those that a slow engine does not tell in time are left out, which is said. */
async function readChains(ids: string[], engine: Engine, problems: string[]): Promise<string[][]> {
  const chains = new Map<string, string[]>();
  const waiting = [...ids];
  let problem = "";
  const ask = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
      try {
        chains.set(id, (await layersOf(id, engine)) ?? []);
      } catch (error) {
        problem ||= messageOf(error);
      }
  };
  await withinTime(limit, () => Promise.all(Array.from({ length: atATime }, ask))).catch((error: unknown) => {
    problem ||= messageOf(error);
  });
  waiting.length = 0; // nobody goes on asking
  const left = ids.length - chains.size;
  if (left > 0)
    problems.push(
      `layers of ${left} of the engine's ${ids.length} images: ${problem.split("\n")[0]}; what they alone hold counts as to be fetched`,
    );
  return [...chains.values()];
}

/** Of what the notes tell, what is still true: steps whose record BuildKit still has, and mounts that were not emptied. */
export function heldBy(
  notes: BuildNote[],
  records: CacheRecord[],
): { cached: Set<string>; held: Map<string, Set<string>> } {
  const commands = records
    .map(({ description = "" }) => description)
    .filter((text) => text.includes(" from exec "));
  const cached = new Set<string>();
  for (const { steps } of notes)
    for (const { key, text } of steps) {
      const isThere = text.startsWith("RUN ")
        ? commands.some((command) => command.endsWith(text.slice("RUN ".length)))
        : records.length > 0;
      if (isThere) cached.add(key);
    }
  const mounts = new Set(records.filter(({ type }) => type === cacheMount).map(({ id }) => id));
  const held = new Map<string, Set<string>>();
  for (const { id, target, files } of notes.flatMap((note) => note.mounts)) {
    if (!mounts.has(id)) continue;
    const known = held.get(target) ?? new Set();
    held.set(target, known);
    for (const file of files) known.add(file);
  }
  return { cached, held };
}
