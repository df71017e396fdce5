import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BuildStep } from "./build-progress.ts";
import type { EarlierImage } from "./rebuilds.ts";

/** What happened to one image in one run. */
export interface ImageEvent {
  /** ISO time of the end. */
  time: string;
  /** Run that it belongs to, from `GPU_BUILD_HOST_RUN`; empty outside a wrapper. */
  run: string;
  stack: string;
  image: string;
  hash: string;
  reference: string;
  tags: string[];
  /** `built`: made now; `reused`: was there under its hash; `tagged`: only names or the smoke test changed; `failed`. */
  result: "built" | "reused" | "tagged" | "failed";
  /** Why, e.g. `["file app/main.py", "parent cuda-base-runtime"]`. */
  reasons: string[];
  /** What the hash is made of, where it is another one than before. */
  parts?: Record<string, string>;
  buildSeconds: number;
  smokeSeconds: number;
  /** Whether the smoke test had a GPU; undefined where there was no test. */
  smokeGpu?: boolean;
  steps: BuildStep[];
  /** Size on the disk in bytes, shared layers included. */
  size: number;
  /** Bytes of base image layers that were fetched. */
  fetchedBytes: number;
  error?: string;
}

/** File with one line for each event of a stack. */
export function historyPath(stateDir: string, stack: string): string {
  return join(stateDir, stack, "builds.jsonl");
}

/** Adds one line to the stack's history. */
export async function appendEvent(stateDir: string, event: ImageEvent): Promise<void> {
  const path = historyPath(stateDir, event.stack);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await appendFile(path, `${JSON.stringify(event)}\n`, { mode: 0o600 });
}

/** All events of a stack, oldest first. A line that a crash cut off is left out. */
export async function readHistory(stateDir: string, stack: string): Promise<ImageEvent[]> {
  const text = await readFile(historyPath(stateDir, stack), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.split("\n").flatMap((line) => {
    try {
      return line ? [JSON.parse(line) as ImageEvent] : [];
    } catch {
      return [];
    }
  });
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
