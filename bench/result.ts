import type { ScenarioId } from "./scenarios.ts";
import type { WayId } from "./ways.ts";

/** Bytes that came from outside, by what they were. */
export interface OutsideBytes {
  /** From the registry that stands for Docker Hub, as it sent them: compressed. */
  images: number;
  /** From the Python index, with TLS around them. */
  python: number;
  /** From Debian's archive. */
  debian: number;
  other: number;
}

/** One scenario of one way on one line, timed once. */
export interface Measurement {
  way: WayId;
  scenario: ScenarioId;
  /** Name of the line, e.g. `"20 Mbit/s"`. */
  line: string;
  /** From 1. */
  round: number;
  /** Why there are no figures. */
  failed?: string;
  /** Set beside `failed` where the way has no such thing, so that it is no fault and nothing to try again. */
  impossible?: true;
  /** Wall time of the commands without the smoke tests. */
  seconds?: number;
  /** What smoke tests added to the wall time: only this stack has them. */
  smokeSeconds?: number;
  outside?: OutsideBytes;
  /** Bytes of all image layers on the engine's disk, each counted once, without the images of the caches themselves. */
  uniqueBytes?: number;
  /** Bytes of the engine's build cache that no image shares: cache mounts, and steps that no image has. */
  buildCacheBytes?: number;
  /** Bytes of each image by name, shared layers counted in each. */
  imageBytes?: Record<string, number>;
  /** How it ended where that is the point, e.g. `"refused"`. */
  outcome?: string;
}

/** What a second Pulumi run of nothing takes, for comparison. */
export interface EmptyProgram {
  /** In whose engine's company. */
  way?: WayId;
  line: string;
  round: number;
  seconds: number;
}

/** The torch base beside what it cannot do without, in seconds. */
export interface BaseParts {
  way?: WayId;
  line: string;
  round: number;
  /** The whole image, as this stack built it. */
  base: number;
  /** Of it what has nothing to do with torch: the pull, Debian's packages, uv, the check. */
  besides: number;
  download: number;
  /** Into a folder, with bytecode, until the disk has it. */
  copy: number;
  /** Reading what was copied as a layer, with its digest. */
  export: number;
}

/** The machine that a result is of: without names or addresses. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  os: string;
  kernel: string;
  /** Load of the machine over the last minute when the run began: other work makes every figure worse. */
  load: number;
  node: string;
  engine: string;
  imageStore: string;
  buildx: string;
  compose: string;
  pulumi: string;
}

/** A whole run of `npm run bench`, as `--json` writes it. */
export interface BenchResult {
  schema: 1;
  kind: "quick" | "full";
  /** ISO 8601. */
  started: string;
  finished: string;
  /** Stopped before all of it was measured. */
  partial: boolean;
  rounds: number;
  /** Names of the lines, fastest first. */
  lines: string[];
  machine: Machine;
  /** What the image of the registry weighs in a pull: no way can do without it once it has a cache. */
  registryImageBytes: number;
  /** What was used in place of the real thing, each with what it stands for. */
  standIns: string[];
  measurements: Measurement[];
  emptyProgram: EmptyProgram[];
  /** In the full mode only. */
  baseParts?: BaseParts[];
}
