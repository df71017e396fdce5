import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import type { HostFacts } from "../cuda/types.ts";
import type { ImagePlan } from "../images/types.ts";
import type { Settings } from "../settings/settings.ts";
import type { Judgement } from "./assess.ts";

/**
 * Stands for everything that a judgement is made of: settings, host, what the images are made of, the rules themselves, the
 * day. An update in which nothing changed need not read locks and data again, which takes a third of a second.
 */
export function judgementKey(settings: Settings, host: HostFacts, images: readonly ImagePlan[]): string {
  const { root } = settings;
  const parts = [
    settings,
    host,
    images.map(({ reference }) => reference),
    // Not in every context, and a lock is asked whether it has all that they want.
    [...new Set(images.map(({ context }) => context))].map(requirementStamps),
    ["dist/built", "lib/cuda/compatibility.json"].map((path) => stampOf(join(root, path))),
    new Date().toISOString().slice(0, 10),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function requirementStamps(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith("requirements"))
    .map((name) => `${name} ${stampOf(join(folder, name))}`);
}

function stampOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${found.mtimeMs} ${found.size}` : "";
}

/** The last judgement, if it was made of the same. */
export async function keptJudgement(
  { stateDir, stack }: Settings,
  key: string,
): Promise<Judgement | undefined> {
  try {
    const kept = JSON.parse(await readFile(pathOf(stateDir, stack), "utf8")) as Kept;
    return kept.key === key ? kept.judgement : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a judgement; not one with a question that may have an answer next time. A folder that is not writable is no fault. */
export async function keepJudgement(
  { stateDir, stack }: Settings,
  key: string,
  judgement: Judgement,
): Promise<void> {
  const isOpen = judgement.reasons.some(
    ({ verdict, rule }) => verdict === "unknown" && ["packages-resolve", "pins-read"].includes(rule),
  );
  if (isOpen) return;
  const path = pathOf(stateDir, stack);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, `${JSON.stringify({ key, judgement } satisfies Kept)}\n`, { mode: 0o600 });
  } catch {
    // it is made again next time
  }
}

interface Kept {
  key: string;
  judgement: Judgement;
}

function pathOf(stateDir: string, stack: string): string {
  return join(stateDir, stack, "judgement.json");
}
