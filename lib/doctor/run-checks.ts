import { setTimeout as sleep } from "node:timers/promises";
import type { Check, CheckDefinition, Facts, Outcome, Repair } from "./types.ts";

/** Milliseconds for tidying up. */
const graceMs = 3_000;

/** A check with what `--fix` may do about it. */
export interface CheckResult extends Check {
  repair?: Repair;
}

/**
 * Runs checks side by side and gives their results in order. One that takes longer than its limit or breaks is a WARN
 * about itself: "cannot tell" is never "OK", and never stops the others.
 */
export function runChecks(
  checks: CheckDefinition[],
  facts: Facts,
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckResult[]> {
  return Promise.all(
    checks.map(async (check) => ({ id: check.id, ...(await runOne(check, facts, signal)) })),
  );
}

async function runOne(check: CheckDefinition, facts: Facts, outer: AbortSignal): Promise<Outcome> {
  const seconds = check.limit ?? 10;
  const limit = new AbortController();
  const signal = AbortSignal.any([outer, limit.signal]);
  const work = attempt(check, facts, signal);
  const timer = setTimeout(() => limit.abort(), seconds * 1000);
  try {
    const outcome = await Promise.race([work, whenAborted(signal, work)]);
    return oneLine(limit.signal.aborted || !outcome ? noAnswer(seconds) : outcome);
  } finally {
    clearTimeout(timer);
    outer.throwIfAborted();
  }
}

/** Ends a check that was told to stop; it gets a moment to take away what it started. */
async function whenAborted(signal: AbortSignal, work: Promise<Outcome>): Promise<undefined> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([work, sleep(graceMs, undefined, { ref: false })]);
}

async function attempt(check: CheckDefinition, facts: Facts, signal: AbortSignal): Promise<Outcome> {
  try {
    return await check.run(facts, signal);
  } catch (error) {
    const line = `could not be looked at: ${(error as Error).message}`;
    return { status: "WARN", line, fix: "run it alone with DEBUG=1 set, and report what it says" };
  }
}

function noAnswer(seconds: number): Outcome {
  return {
    status: "WARN",
    line: `no answer in ${seconds} s`,
    fix: "run it again; if it stays so, see what the machine is busy with: top, dmesg",
  };
}

/** What programs say may have several lines; a result has one. */
function oneLine(outcome: Outcome): Outcome {
  const joined = (text: string) => text.trim().replace(/\s*\n\s*/g, "; ");
  return {
    ...outcome,
    line: joined(outcome.line),
    ...(outcome.fix !== undefined && { fix: joined(outcome.fix) }),
  };
}
