import { UserError } from "../lib/errors.ts";
import { parseSpeed, type LineSpeed } from "./line.ts";
import type { Play } from "./play.ts";
import type { BenchResult } from "./result.ts";
import { scenarios } from "./scenarios.ts";
import { ways } from "./ways.ts";

/** One way on one line, once. */
export type PlannedPlay = Pick<Play, "way" | "speed" | "round" | "scenarios">;

/**
 * What is played, in its order. Slower lines are for the ways and scenarios in which the line decides, and once: they take
 * hours with the real torch.
 */
export function plays(
  chosen: ReturnType<typeof choose>,
  lines: readonly LineSpeed[],
  rounds: number,
): PlannedPlay[] {
  return lines.flatMap((speed) => {
    const isSlow = speed.mbit !== undefined;
    const played = <T extends { onSlowLines: boolean }>(list: readonly T[]) =>
      isSlow ? list.filter(({ onSlowLines }) => onSlowLines) : list;
    const scenarios = played(chosen.scenarios);
    return Array.from({ length: isSlow ? 1 : rounds }, (_, index) => index + 1).flatMap((round) =>
      played(chosen.ways).map((way) => ({ way, speed, round, scenarios })),
    );
  });
}

/**
 * Ways and scenarios by their ids. A scenario takes along those that it stands on: the first build.
 *
 * @throws UserError naming what there is
 */
export function choose(only: readonly string[]) {
  const known: string[] = [...ways, ...scenarios].map(({ id }) => id);
  const unknown = only.filter((id) => !known.includes(id));
  if (unknown.length > 0)
    throw new UserError(
      `--only ${unknown.join(", ")}: no such way or scenario. Ways: ${ways.map(({ id }) => id).join(", ")}. Scenarios: ${scenarios.map(({ id }) => id).join(", ")}.`,
    );
  const someWays = ways.filter(({ id }) => only.includes(id));
  const someScenarios = scenarios.filter(({ id }) => only.includes(id));
  return {
    ways: someWays.length > 0 ? someWays : ways,
    scenarios:
      someScenarios.length > 0
        ? scenarios.filter(({ id }) => id === "first-build" || only.includes(id))
        : scenarios,
  };
}

/**
 * An earlier result, ready to go on.
 *
 * @param fresh a result of this run without figures
 * @throws UserError where the earlier one is of another mode or machine: their figures do not go together
 */
export function goOnWith(earlier: BenchResult, fresh: BenchResult): BenchResult {
  const same = (result: BenchResult) => {
    const { cpu, cores, memoryBytes, engine, imageStore } = result.machine;
    return JSON.stringify([result.kind, cpu, cores, memoryBytes, engine, imageStore]);
  };
  if (same(earlier) !== same(fresh))
    throw new UserError(
      `the earlier result is of ${same(earlier)}, this run of ${same(fresh)}: start afresh, without --resume`,
    );
  const pulumi = fresh.machine.pulumi === "not used" ? earlier.machine.pulumi : fresh.machine.pulumi;
  return {
    ...earlier,
    partial: true,
    rounds: Math.max(earlier.rounds, fresh.rounds),
    lines: [...new Set([...earlier.lines, ...fresh.lines])].sort((a, b) => mbitOf(b) - mbitOf(a)),
    machine: { ...earlier.machine, pulumi, load: Math.max(earlier.machine.load, fresh.machine.load) },
  };
}

/**
 * Plays that a result does not have whole, or with a failure; what it has of them goes, since a way is played from its
 * beginning.
 */
export function missing(planned: readonly PlannedPlay[], result: BenchResult): PlannedPlay[] {
  return planned.filter(({ way, speed, round, scenarios }) => {
    const isOfPlay = (one: { way?: string; line: string; round: number }) =>
      one.way === way.id && one.line === speed.name && one.round === round;
    const others = <T extends { way?: string; line: string; round: number }>(list: readonly T[]) =>
      list.filter((one) => !isOfPlay(one));
    const done = result.measurements
      .filter((one) => isOfPlay(one) && (one.failed === undefined || one.impossible))
      .map(({ scenario }) => scenario);
    if (scenarios.every(({ id }) => done.includes(id))) return false;
    result.measurements = others(result.measurements);
    result.emptyProgram = others(result.emptyProgram);
    if (result.baseParts) result.baseParts = others(result.baseParts);
    return true;
  });
}

/** Mbit/s by a line's name; Infinity for full speed. */
function mbitOf(name: string): number {
  return parseSpeed(name.replace(" Mbit/s", "mbit"))?.mbit ?? Infinity;
}
