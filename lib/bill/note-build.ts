import { readFile } from "node:fs/promises";
import type { Engine } from "../docker/engine.ts";
import type { HistoryLine } from "../docker/layers.ts";
import type { BuildStep as BuiltStep } from "../images/build-progress.ts";
import { reportedStep } from "../images/step-labels.ts";
import { parseLock } from "../locks/lock-text.ts";
import { hashesOf, readSizes } from "../locks/sizes.ts";
import { cacheMount, type CacheRecord } from "../prune/build-cache.ts";
import { readCache } from "../prune/content.ts";
import { aptListsOnDisk } from "./apt-cost.ts";
import { aptMark, hashMark, readNotes, writeNote, type BuildNote, type NotedMount } from "./build-notes.ts";
import { readBuild, type BuildStep, type ImageBuild, type StepsPlan } from "./build-steps.ts";
import { withinTime } from "./within-time.ts";

/** Milliseconds: an engine that counts its cache for longer leaves no note. */
const longestWait = 10_000;

/** A build that has just ended well. */
export interface EndedBuild {
  stack: string;
  stateDir: string;
  reference: string;
  plan: StepsPlan;
  /** As BuildKit reported them. */
  steps: BuiltStep[];
  seconds: number;
  /** Milliseconds since 1970 when it began. */
  began: number;
}

/** Writes down what a build left on its engine. Never throws: a note is not worth a failed build. */
export async function noteBuild(ended: EndedBuild, engine: Engine): Promise<void> {
  try {
    const { id } = await engine.info();
    const [notes, records, history] = await withinTime(longestWait, () =>
      Promise.all([
        readNotes(ended.stateDir, id),
        readCache(engine),
        engine.askIfThere<HistoryLine[]>({ path: `/images/${encodeURI(ended.reference)}/history` }),
      ]),
    );
    const keys = new Map(notes.map(({ reference, key }) => [reference, key]));
    const build = await readBuild(ended.plan, (reference) => keys.get(reference));
    const locks = await locksOf(build);
    const note = noteOf(ended, build, { notes, records, history: history ?? [], locks });
    const before = notes.find(({ reference }) => reference === ended.reference);
    await writeNote(ended.stateDir, id, before ? withEarlier(note, before) : note);
  } catch {
    // the next bill knows less
  }
}

/**
 * What an earlier build of the same image version has told still holds where this one took a step from the cache: how long
 * it takes, and what it left in the mounts.
 */
export function withEarlier(note: BuildNote, before: BuildNote): BuildNote {
  const ranBefore = new Map(before.steps.filter(({ ran }) => ran).map((step) => [step.key, step]));
  const filesOf = (mounts: NotedMount[], id: string): string[] =>
    mounts.find((mount) => mount.id === id)?.files ?? [];
  const mounts = [
    ...note.mounts,
    ...before.mounts.filter(({ id }) => !note.mounts.some((mount) => mount.id === id)),
  ];
  return {
    ...note,
    steps: note.steps.map((step) => (step.ran ? step : (ranBefore.get(step.key) ?? step))),
    mounts: mounts.map((mount) => ({
      ...mount,
      files: [...new Set([...mount.files, ...filesOf(before.mounts, mount.id)])],
    })),
    aptBytes: note.aptBytes || before.aptBytes,
  };
}

/** Files that a lock names: marks of all of them, and the bytes of those that are taken. */
interface LockFacts {
  marks: string[];
  bytes: number;
}

function noteOf(
  ended: EndedBuild,
  build: ImageBuild,
  facts: {
    notes: BuildNote[];
    records: CacheRecord[];
    history: HistoryLine[];
    locks: Map<string, LockFacts>;
  },
): BuildNote {
  const { notes, records, locks } = facts;
  const layers = layerBytes(build, facts.history);
  const steps = build.steps.map((step) => {
    const report = reportedStep(ended.steps, step);
    const bytes = layers.get(step) ?? recordBytes(step, records, ended.began);
    const packages = step.locks.reduce((sum, lock) => sum + (locks.get(lock)?.bytes ?? 0), 0);
    return {
      key: step.key,
      work: step.work,
      text: step.text,
      ran: report !== undefined && !report.cached,
      seconds: report?.seconds ?? 0,
      ...(bytes !== undefined && { bytes }),
      ...(packages > 0 && { packages }),
    };
  });
  const ran = build.steps.filter((_, index) => steps[index]!.ran);
  const mounts = mountsOf(ran, records, locks);
  const earlier = new Map(notes.flatMap((note) => note.mounts.map(({ id, bytes }) => [id, bytes] as const)));
  const apt = mounts.filter(({ target }) => target.includes("/apt"));
  const grown = apt.reduce((sum, { id, bytes }) => sum + Math.max(0, bytes - (earlier.get(id) ?? 0)), 0);
  const lists = apt.some(({ id }) => !earlier.has(id)) ? aptListsOnDisk : 0;
  const aptBytes = Math.max(0, grown - lists);
  const { stack, reference, seconds } = ended;
  const time = new Date().toISOString();
  return { stack, image: build.image, reference, time, key: build.key, steps, mounts, aptBytes, seconds };
}

/** The newest record of a cache mount: the one that builds use now. */
export function mountRecord(records: CacheRecord[], target: string): CacheRecord | undefined {
  return records
    .filter(
      ({ type, description = "" }) =>
        type === cacheMount && description.startsWith(`cached mount ${target} `),
    )
    .sort((a, b) => b.lastUsed - a.lastUsed)[0];
}

function mountsOf(ran: BuildStep[], records: CacheRecord[], locks: Map<string, LockFacts>): NotedMount[] {
  const targets = [...new Set(ran.flatMap(({ caches }) => caches))];
  return targets.flatMap((target) => {
    const record = mountRecord(records, target);
    if (!record) return [];
    const users = ran.filter((step) => step.caches.includes(target));
    const files = users.flatMap((step) => [
      ...(step.apt ? [aptMark(step.text)] : []),
      ...(step.keepsNothing ? [] : step.locks.flatMap((lock) => locks.get(lock)?.marks ?? [])),
      ...(step.keepsNothing ? [] : step.pins),
    ]);
    return [{ id: record.id, target, bytes: record.bytes, files: [...new Set(files)] }];
  });
}

async function locksOf(build: ImageBuild): Promise<Map<string, LockFacts>> {
  const paths = [...new Set(build.steps.flatMap(({ locks }) => locks))];
  return new Map(
    await Promise.all(
      paths.map(async (path) => {
        const text = await readFile(path, "utf8").catch(() => "");
        const sizes = await readSizes(path);
        const hashes = [...parseLock(text).entries.values()].map((entry) => hashesOf(entry.text));
        // Without sizes nobody knows which of a package's files it was: then all of them.
        const taken = hashes.flatMap((all) => {
          const known = all.filter((hash) => sizes[hash] !== undefined);
          return known.length > 0 ? known : all;
        });
        const bytes = taken.reduce((sum, hash) => sum + (sizes[hash] ?? 0), 0);
        return [path, { marks: taken.map(hashMark), bytes }] as const;
      }),
    ),
  );
}

/** Bytes of the layers that are in the image: its history has a line for each, newest first. */
function layerBytes(build: ImageBuild, history: HistoryLine[]): Map<BuildStep, number> {
  const lines = history.filter(({ CreatedBy }) => /^(RUN|COPY|ADD|WORKDIR) /.test(CreatedBy)).reverse();
  const own = build.steps.filter(({ isInImage }) => isInImage);
  const last = lines.slice(Math.max(0, lines.length - own.length));
  if (last.length !== own.length) return new Map();
  return new Map(own.map((step, index) => [step, last[index]!.Size]));
}

/** Bytes of a step that stays behind in another stage: of its record in BuildKit's cache. */
function recordBytes(step: BuildStep, records: CacheRecord[], began: number): number | undefined {
  const command = step.text.replace(/^RUN /, "");
  const found = records.filter(
    ({ description = "", lastUsed }) =>
      description.startsWith("mount / from exec ") &&
      description.endsWith(command) &&
      lastUsed >= began - 1000,
  );
  return found.sort((a, b) => (b.created ?? 0) - (a.created ?? 0))[0]?.bytes;
}
