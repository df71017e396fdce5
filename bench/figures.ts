import type { BenchResult, Measurement, OutsideBytes } from "./result.ts";
import type { ScenarioId } from "./scenarios.ts";
import type { WayId } from "./ways.ts";

/** Median of all rounds of one scenario of one way on one line. */
export interface Figures {
  seconds: number;
  smokeSeconds: number;
  /** From outside, of every kind. */
  outsideBytes: number;
  outside: OutsideBytes;
  uniqueBytes: number;
  buildCacheBytes: number;
  /** The largest of the images. */
  largestImageBytes: number;
  outcome: string | undefined;
  /** Rounds that the medians are of. */
  rounds: number;
}

/** The middle value; of an even number the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle)
    ? ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
    : sorted[Math.floor(middle)]!;
}

/** How much less `value` is than `reference`, in percent: 90 is a tenth of it, -100 is twice as much. NaN without a reference. */
export function percentLess(value: number, reference: number): number {
  return reference > 0 ? (1 - value / reference) * 100 : NaN;
}

/** Rounds that have figures. */
function measured(result: BenchResult, way: WayId, scenario: ScenarioId, line: string): Measurement[] {
  return result.measurements.filter(
    (one) => one.way === way && one.scenario === scenario && one.line === line && one.seconds !== undefined,
  );
}

/** The medians; undefined where no round has figures. */
export function figuresOf(
  result: BenchResult,
  way: WayId,
  scenario: ScenarioId,
  line = result.lines[0] ?? "",
): Figures | undefined {
  const rounds = measured(result, way, scenario, line);
  if (rounds.length === 0) return undefined;
  const middle = (pick: (one: Measurement) => number | undefined) =>
    median(rounds.map((one) => pick(one) ?? 0));
  const outside: OutsideBytes = {
    images: middle((one) => one.outside?.images),
    python: middle((one) => one.outside?.python),
    debian: middle((one) => one.outside?.debian),
    other: middle((one) => one.outside?.other),
  };
  return {
    seconds: middle((one) => one.seconds),
    smokeSeconds: middle((one) => one.smokeSeconds),
    outside,
    outsideBytes: middle((one) => sum(one.outside)),
    uniqueBytes: middle((one) => one.uniqueBytes),
    buildCacheBytes: middle((one) => one.buildCacheBytes),
    largestImageBytes: middle((one) => Math.max(0, ...Object.values(one.imageBytes ?? {}))),
    outcome: rounds.at(-1)?.outcome,
    rounds: rounds.length,
  };
}

/** The measurement that says why a scenario has no figures; undefined where it was not even tried. */
export function failureOf(
  result: BenchResult,
  way: WayId,
  scenario: ScenarioId,
  line: string,
): Measurement | undefined {
  return result.measurements.find(
    (one) => one.way === way && one.scenario === scenario && one.line === line && one.failed,
  );
}

function sum(outside: OutsideBytes | undefined): number {
  return outside ? outside.images + outside.python + outside.debian + outside.other : 0;
}
