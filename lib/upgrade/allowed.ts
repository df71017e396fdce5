import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Judgement } from "./assess.ts";

/** A rule that failed and was let pass by `allowIncompatible`. */
export interface AllowedUse {
  /** ISO time of the update. */
  time: string;
  /** e.g. `"driver-runs-cuda"` */
  rule: string;
  /** What it said. */
  text: string;
}

/** File with a line for each failing rule that an update went on with. */
export function allowedPath(stateDir: string, stack: string): string {
  return join(stateDir, stack, "allowed.jsonl");
}

/** Writes down what an update goes on with; what the file already says last of a rule is not said again. */
export async function recordAllowed(
  where: { stateDir: string; stack: string },
  { reasons, allowed }: Pick<Judgement, "reasons" | "allowed">,
): Promise<void> {
  if (allowed.length === 0) return;
  const path = allowedPath(where.stateDir, where.stack);
  const known = new Set((await readAllowed(path)).map(({ rule, text }) => `${rule} ${text}`));
  const time = new Date().toISOString();
  const uses = reasons
    .filter(({ verdict, rule }) => verdict === "fails" && allowed.includes(rule))
    .map(({ rule, text }): AllowedUse => ({ time, rule, text }))
    .filter(({ rule, text }) => !known.has(`${rule} ${text}`));
  if (uses.length === 0) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await appendFile(path, uses.map((use) => `${JSON.stringify(use)}\n`).join(""), { mode: 0o600 });
}

async function readAllowed(path: string): Promise<AllowedUse[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      return line ? [JSON.parse(line) as AllowedUse] : [];
    } catch {
      return [];
    }
  });
}
