import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import { startEngine, stopEngine } from "../sandbox/engine.ts";
import { sandboxLayout } from "../sandbox/layout.ts";
import { requireFreeDisk, requireLinux, requireRoot } from "../sandbox/preflight.ts";
import { isRunning } from "../sandbox/processes.ts";
import type { WorkOptions } from "../sandbox/steps.ts";
import { ensureToolchain } from "../sandbox/toolchain/toolchain.ts";
import { stopUpstream } from "../sandbox/upstream.ts";
import { machineOf } from "./ground.ts";
import type { LineSpeed } from "./line.ts";
import { play, type Play } from "./play.ts";
import type { BenchResult } from "./result.ts";
import { scenarios } from "./scenarios.ts";
import { serveUpstream } from "./upstream.ts";
import { ways } from "./ways.ts";
import type { Workload } from "./workload.ts";

export interface BenchOptions {
  workload: Workload;
  /** Ids of scenarios and ways; empty for all. */
  only: string[];
  rounds: number;
  lines: LineSpeed[];
  signal: AbortSignal;
  /** Called before each step, e.g. `("stack-uv, full speed", "first build")`. */
  onStep(name: string, detail: string): void;
  /** Called when a way, or the upstream, is through with its steps. */
  onDone(name: string): void;
  /** Called with all that is known after each figure. */
  onProgress(result: BenchResult): void;
}

const prefix = "gpu-build-host-bench-";

/**
 * Runs the benchmark: each way on a fresh engine of its own, one after the other, so that no way's cache helps another.
 * Stopped by its signal it returns what it has, marked as partial.
 *
 * @throws UserError for an id that does not exist, without root, without disk space, without a tool chain
 */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const { workload, rounds, lines, signal } = options;
  const chosen = choose(options.only);
  requireLinux();
  requireRoot();
  await removeLeftovers();
  requireFreeDisk(tmpdir(), workload.freeBytes);
  const work: WorkOptions = { signal, onStep: ({ name, detail = "" }) => options.onStep(name, detail) };
  const needsPulumi = chosen.ways.some(({ tool }) => tool === "stack");
  const toolchain = needsPulumi && (await ensureToolchain({ stack: "bench", allowBuilt: true, ...work }));
  const folder = join(tmpdir(), `${prefix}${process.pid}`);
  mkdirSync(folder);
  const result = await emptyResult(folder, options, toolchain ? toolchain.description : "not used");
  try {
    const upstream = await serveUpstream(folder, workload, work);
    options.onDone("upstream");
    result.registryImageBytes = upstream.registryImageBytes;
    try {
      for (const { way, speed, round, scenarios } of plays(chosen, lines, rounds)) {
        const place = join(folder, "way");
        const name = `${way.id}, ${speed.name}`;
        try {
          await play({
            way,
            speed,
            round,
            scenarios,
            workload,
            upstream,
            folder: place,
            signal,
            onStep: (detail) => options.onStep(name, detail),
            onMeasured: (one) => {
              result.measurements.push(one);
              options.onProgress(result);
            },
            onEmptyProgram: (one) => void result.emptyProgram.push(one),
          });
        } finally {
          options.onDone(name);
          rmSync(place, { recursive: true, force: true });
        }
      }
      result.partial = false;
    } finally {
      await upstream.stop();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  result.finished = new Date().toISOString();
  return result;
}

/**
 * What is played, in its order. Slower lines are for the ways and scenarios in which the line decides, and once: they take
 * hours with the real torch.
 */
export function plays(
  chosen: ReturnType<typeof choose>,
  lines: readonly LineSpeed[],
  rounds: number,
): Pick<Play, "way" | "speed" | "round" | "scenarios">[] {
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

/** A result without figures: the machine is asked while an engine runs. */
async function emptyResult(folder: string, options: BenchOptions, pulumi: string): Promise<BenchResult> {
  const root = join(folder, "machine");
  const engine = await startEngine({ root, signal: options.signal });
  const machine = await machineOf(engine, process.env["GBH_STORE"] || "overlay2", pulumi).finally(() =>
    stopEngine(root),
  );
  rmSync(root, { recursive: true, force: true });
  const now = new Date().toISOString();
  return {
    schema: 1,
    kind: options.workload.kind,
    started: now,
    finished: now,
    partial: true,
    rounds: options.rounds,
    lines: options.lines.map(({ name }) => name),
    machine,
    registryImageBytes: 0,
    standIns: options.workload.standIns,
    measurements: [],
    emptyProgram: [],
  };
}

/** What killed runs left: their engines and upstreams still run. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(prefix))) {
    if (isRunning(Number(name.slice(prefix.length)))) continue;
    const folder = join(tmpdir(), name);
    for (const engine of ["machine", join("way", "engine")]) await stopEngine(join(folder, engine));
    await stopUpstream(sandboxLayout(join(folder, "upstream")));
    rmSync(folder, { recursive: true, force: true });
  }
}
