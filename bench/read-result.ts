import { readFileSync } from "node:fs";
import { messageOf, UserError } from "../lib/errors.ts";
import type { BenchResult } from "./result.ts";

/**
 * Reads what an earlier run has written.
 *
 * @throws UserError where the file is missing, cut off, or of another version of this command
 */
export function readResult(file: string): BenchResult {
  let content: Partial<BenchResult>;
  try {
    content = JSON.parse(readFileSync(file, "utf8")) as Partial<BenchResult>;
  } catch (error) {
    throw new UserError(
      `${file} is no result of npm run bench (${messageOf(error)}): run the benchmark again.`,
    );
  }
  if (content.schema !== 1 || !Array.isArray(content.measurements) || !content.machine)
    throw new UserError(
      `${file} is no result of this version of npm run bench (schema ${String(content.schema ?? "missing")}, wanted 1): run the benchmark again.`,
    );
  return content as BenchResult;
}
