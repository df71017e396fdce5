import type { Engine } from "../docker/engine.ts";
import { diskRoom } from "../host/disk.ts";
import { cacheMount, type CacheRecord } from "../prune/build-cache.ts";
import { readCache } from "../prune/content.ts";
import { messageOf } from "../errors.ts";
import { readNotes, type BuildNote } from "./build-notes.ts";
import { withinTime } from "./within-time.ts";

/** Milliseconds. */
const limit = 1_500;

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
    return await withinTime(limit, async () => {
      const [{ id }, root, records, list] = await Promise.all([
        engine.info(),
        engine.ask<{ DockerRootDir?: string }>({ path: "/info" }),
        readCache(engine),
        engine.imageList(),
      ]);
      const notes = await readNotes(stateDir, id);
      const layered = await Promise.all(list.slice(0, 200).map((image) => engine.image(image.id)));
      return {
        engine,
        ...heldBy(notes, records),
        notes,
        references: new Set(list.flatMap(({ tags }) => tags)),
        chains: layered.flatMap((image) => (image ? [image.layers] : [])),
        records,
        room: await diskRoom(root.DockerRootDir ?? ""),
      };
    });
  } catch (error) {
    problems.push(
      `what the engine holds: ${messageOf(error).split("\n")[0]}; everything counts as to be fetched`,
    );
    return empty;
  }
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
