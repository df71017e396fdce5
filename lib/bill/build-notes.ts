import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { tagLedgerPath } from "../images/tag-ledger.ts";

/** One step as a build had it. */
export interface NotedStep {
  key: string;
  work: string;
  text: string;
  /** False where BuildKit took it from its cache. */
  ran: boolean;
  seconds: number;
  /** Bytes of its layer; undefined where nobody could tell. */
  bytes?: number;
  /** Bytes of the packages that its locks name, as fetched. */
  packages?: number;
}

/** A cache mount as it was after a build. */
export interface NotedMount {
  /** BuildKit's record: another ID later means that the mount was emptied since. */
  id: string;
  /** e.g. `"/root/.cache/uv"` */
  target: string;
  bytes: number;
  /** What this build put there: beginnings of SHA-256, pins, and {@link aptMark} of steps with apt. */
  files: string[];
}

/** What one build left on an engine: so that the bill of the next one knows what need not be fetched again. */
export interface BuildNote {
  stack: string;
  image: string;
  reference: string;
  /** ISO time. */
  time: string;
  /** See `ImageBuild.key`. */
  key: string;
  steps: NotedStep[];
  mounts: NotedMount[];
  /** Bytes of packages that apt's mounts grew by. */
  aptBytes: number;
  seconds: number;
}

/** Notes of an engine beyond this go, oldest first. */
const keptNotes = 300;

/** Folder with a file for each hash reference; stacks of one engine share it. Files of one's own need no lock. */
export function notesFolder(stateDir: string, engineId: string): string {
  return tagLedgerPath(stateDir, engineId).replace(/\.json$/, ".builds");
}

/** All notes of an engine, oldest first; what is damaged is left out. */
export async function readNotes(stateDir: string, engineId: string): Promise<BuildNote[]> {
  const folder = notesFolder(stateDir, engineId);
  const names = await readdir(folder).catch(() => []);
  const notes = await Promise.all(
    names.map(async (name) => {
      try {
        const note = JSON.parse(await readFile(join(folder, name), "utf8")) as BuildNote;
        return Array.isArray(note.steps) && Array.isArray(note.mounts) ? [note] : [];
      } catch {
        return [];
      }
    }),
  );
  return notes.flat().sort((a, b) => (a.time < b.time ? -1 : 1));
}

/** Writes a note in place of an earlier one of the same image version. */
export async function writeNote(stateDir: string, engineId: string, note: BuildNote): Promise<void> {
  const folder = notesFolder(stateDir, engineId);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(folder, fileOf(note.reference)), JSON.stringify(note), { mode: 0o600 });
  const notes = await readNotes(stateDir, engineId);
  for (const { reference } of notes.slice(0, Math.max(0, notes.length - keptNotes)))
    await rm(join(folder, fileOf(reference)), { force: true });
}

function fileOf(reference: string): string {
  return `${reference.replace(/[^A-Za-z0-9._-]+/g, "-")}.json`;
}

/** Stands in a mount's files for the packages of one apt command. */
export function aptMark(text: string): string {
  return `apt ${text.replace(/\s+/g, " ").trim().slice(-200)}`;
}

/** Stands in a mount's files for a file with this SHA-256. */
export function hashMark(sha256: string): string {
  return sha256.slice(0, 16);
}
