import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { appendLine } from "./append-line.ts";
import { readHistoryText } from "./history-text.ts";
import type { History, ImageEvent, RunRecord } from "./history-types.ts";
import type { EarlierImage } from "./rebuilds.ts";

export type { ImageEvent, RunRecord } from "./history-types.ts";

/** Of the lines that are written now. 2 added `began`, `housekeeping` and lines of whole runs; 1 had no number. */
const historyFormat = 2;

/** File with one line for each event and each run of a stack. */
export function historyPath(stateDir: string, stack: string): string {
  return join(stateDir, stack, "builds.jsonl");
}

/** Adds one line to the stack's history. */
export async function appendEvent(stateDir: string, event: ImageEvent): Promise<void> {
  await appendLine(historyPath(stateDir, event.stack), JSON.stringify({ ...event, format: historyFormat }));
}

/** Adds the line of a whole run to the stack's history. */
export async function appendRun(stateDir: string, record: Omit<RunRecord, "kind" | "format">): Promise<void> {
  const line: RunRecord = { kind: "run", format: historyFormat, ...record };
  await appendLine(historyPath(stateDir, record.stack), JSON.stringify(line));
}

/** All that a stack's history says; what nobody can read is left out and counted, and stays in the file. */
export async function readWholeHistory(stateDir: string, stack: string): Promise<History> {
  const text = await readFile(historyPath(stateDir, stack), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return readHistoryText(text);
}

/** All events of a stack's images, oldest first. A line that a crash cut off is left out. */
export async function readHistory(stateDir: string, stack: string): Promise<ImageEvent[]> {
  return (await readWholeHistory(stateDir, stack)).events;
}

/** Events of one run. */
export async function readRun(stateDir: string, stack: string, run: string): Promise<ImageEvent[]> {
  return (await readHistory(stateDir, stack)).filter((event) => event.run === run);
}

/** The last event of each image that was not a failure, by image name. */
export async function latestByImage(stateDir: string, stack: string): Promise<Map<string, ImageEvent>> {
  const events = (await readHistory(stateDir, stack)).filter(({ result }) => result !== "failed");
  return new Map(events.map((event) => [event.image, event]));
}

/** What each image was made of when it last went well, by image name. */
export async function earlierImages(stateDir: string, stack: string): Promise<Map<string, EarlierImage>> {
  const events = (await readHistory(stateDir, stack)).filter(({ result }) => result !== "failed");
  const parts = new Map(events.flatMap(({ hash, parts }) => (parts ? [[hash, parts] as const] : [])));
  return new Map(
    events.map(({ image, hash }) => [image, { hash, ...(parts.has(hash) && { parts: parts.get(hash)! }) }]),
  );
}
