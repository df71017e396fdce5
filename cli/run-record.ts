import { appendRun, readRun, type RunRecord } from "../lib/images/history.ts";
import type { Settings } from "../lib/settings/settings.ts";
import { StoppedError } from "./interrupts.ts";
import type { RunResult } from "./pulumi-run.ts";

/**
 * Writes a line about a whole run into the stack's history, however it ends: where the run has done something with an image.
 * A history that cannot be written fails no run.
 */
export async function withRunRecord(
  { stack, stateDir }: Settings,
  run: string,
  up: () => Promise<RunResult>,
): Promise<RunResult> {
  const began = Date.now();
  const note = async (result: RunRecord["result"], changed: number): Promise<void> => {
    const seconds = Math.round((Date.now() - began) / 100) / 10;
    try {
      if ((await readRun(stateDir, stack, run)).length > 0)
        await appendRun(stateDir, {
          run,
          stack,
          began: new Date(began).toISOString(),
          seconds,
          result,
          changed,
        });
    } catch {
      // the report knows the run by its images
    }
  };
  try {
    const result = await up();
    await note("done", result.changes.length);
    return result;
  } catch (error) {
    await note(error instanceof StoppedError ? "stopped" : "failed", 0);
    throw error;
  }
}
