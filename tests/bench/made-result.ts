import type { BenchResult, Measurement, OutsideBytes } from "../../bench/result.ts";
import type { ScenarioId } from "../../bench/scenarios.ts";
import type { WayId } from "../../bench/ways.ts";

const none: OutsideBytes = { images: 0, python: 0, debian: 0, other: 0 };

/** A result as a run writes it, with these figures and no others. */
export function madeResult(figures: Measurement[], further: Partial<BenchResult> = {}): BenchResult {
  return {
    schema: 1,
    kind: "full",
    started: "2026-11-30T10:00:00.000Z",
    finished: "2026-11-30T11:00:00.000Z",
    partial: false,
    rounds: 1,
    lines: ["full speed"],
    machine: {
      cpu: "Some CPU",
      cores: 2,
      memoryBytes: 24e9,
      os: "Debian GNU/Linux 12",
      kernel: "6.1",
      load: 0.5,
      node: "20.19.0",
      engine: "26.1.5",
      imageStore: "overlay2",
      buildx: "0.13.1",
      compose: "2.26.1",
      pulumi: "Pulumi 3.259.0",
    },
    registryImageBytes: 19e6,
    standIns: ["a thing for another"],
    measurements: figures,
    emptyProgram: [{ line: "full speed", round: 1, seconds: 1.5 }],
    ...further,
  };
}

/** One figure; seconds are what most tests are about. */
export function figure(
  way: WayId,
  scenario: ScenarioId,
  seconds: number,
  further: Omit<Partial<Measurement>, "outside"> & { outside?: Partial<OutsideBytes> } = {},
): Measurement {
  return {
    way,
    scenario,
    line: "full speed",
    round: 1,
    seconds,
    uniqueBytes: 1e9,
    imageBytes: {},
    ...further,
    outside: { ...none, ...further.outside },
  };
}

/** One scenario that failed. */
export function failure(
  way: WayId,
  scenario: ScenarioId,
  failed: string,
  further: Partial<Measurement> = {},
): Measurement {
  return { way, scenario, line: "full speed", round: 1, failed, ...further };
}
