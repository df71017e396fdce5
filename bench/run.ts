import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import { startEngine, stopEngine } from "../sandbox/engine.ts";
import { sandboxLayout } from "../sandbox/layout.ts";
import { freeDisk, requireLinux, requireRoot } from "../sandbox/preflight.ts";
import { isRunning } from "../sandbox/processes.ts";
import type { WorkOptions } from "../sandbox/steps.ts";
import { ensureToolchain } from "../sandbox/toolchain/toolchain.ts";
import { stopUpstream } from "../sandbox/upstream.ts";
import { machineOf } from "./ground.ts";
import type { LineSpeed } from "./line.ts";
import { choose, goOnWith, missing, plays, type PlannedPlay } from "./plan.ts";
import { play } from "./play.ts";
import type { BenchResult } from "./result.ts";
import { serveUpstream } from "./upstream.ts";
import { bytesInWords } from "./words.ts";
import type { Workload } from "./workload.ts";

export interface BenchOptions {
  workload: Workload;
  /** Ids of scenarios and ways; empty for all. */
  only: string[];
  rounds: number;
  lines: LineSpeed[];
  /** A result to go on with: what it has is not measured again. */
  earlier?: BenchResult;
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
  const planned = plays(choose(options.only), lines, rounds);
  requireLinux();
  requireRoot();
  await removeLeftovers();
  requireRoom(workload);
  const work: WorkOptions = { signal, onStep: ({ name, detail = "" }) => options.onStep(name, detail) };
  const needsPulumi = planned.some(({ way }) => way.tool === "stack");
  const toolchain = needsPulumi && (await ensureToolchain({ stack: "bench", allowBuilt: true, ...work }));
  const folder = join(tmpdir(), `${prefix}${process.pid}`);
  mkdirSync(folder);
  let result = options.earlier;
  try {
    const fresh = await emptyResult(folder, options, toolchain ? toolchain.description : "not used");
    result = options.earlier ? goOnWith(options.earlier, fresh) : fresh;
    await playAll(missing(planned, result), result, folder, options, work);
    result.partial = false;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!result) throw signal.reason; // stopped before there was anything
  result.finished = new Date().toISOString();
  return result;
}

async function playAll(
  planned: readonly PlannedPlay[],
  result: BenchResult,
  folder: string,
  { workload, signal, ...report }: BenchOptions,
  work: WorkOptions,
): Promise<void> {
  const upstream = await serveUpstream(folder, workload, work);
  report.onDone("upstream");
  result.registryImageBytes = upstream.registryImageBytes;
  try {
    for (const one of planned) {
      const place = join(folder, "way");
      const name = `${one.way.id}, ${one.speed.name}`;
      try {
        await play({
          ...one,
          workload,
          upstream,
          folder: place,
          signal,
          onStep: (detail) => report.onStep(name, detail),
          onMeasured: (measurement) => {
            result.measurements.push(measurement);
            report.onProgress(result);
          },
          onEmptyProgram: (empty) => void result.emptyProgram.push(empty),
          onBaseParts: (parts) => void (result.baseParts ??= []).push(parts),
        });
      } finally {
        report.onDone(name);
        rmSync(place, { recursive: true, force: true });
      }
    }
  } finally {
    await upstream.stop();
  }
}

/** @throws UserError where the images of one way do not fit */
function requireRoom({ kind, freeBytes }: Workload): void {
  const free = freeDisk(tmpdir());
  if (free >= freeBytes) return;
  throw new UserError(
    `The benchmark's ${kind} mode needs ${bytesInWords(freeBytes)} in ${tmpdir()}, where ${bytesInWords(free)} are free: make room, set TMPDIR to a folder on a larger disk${kind === "full" ? ", or take --quick" : ""}.`,
  );
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
