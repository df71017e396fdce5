import { join } from "node:path";
import { messageOf } from "../lib/errors.ts";
import { startEngine, stopEngine } from "../sandbox/engine.ts";
import { measureBaseParts } from "./base-parts.ts";
import { openCountedIndex } from "./counted-index.ts";
import { diskOf, diskSettles, type Ground } from "./ground.ts";
import { openLine, type LineSpeed } from "./line.ts";
import type { BaseParts, EmptyProgram, Measurement } from "./result.ts";
import type { Scenario, ScenarioId } from "./scenarios.ts";
import { steps, type Stage } from "./steps.ts";
import { BakeTool } from "./tools/bake.ts";
import { ComposeTool } from "./tools/compose.ts";
import { StackTool } from "./tools/stack.ts";
import { ImpossibleError, type Tool } from "./tools/tool.ts";
import { registryImage, type BenchUpstream } from "./upstream.ts";
import type { Way, WayId } from "./ways.ts";
import { Workspace } from "./workspace.ts";
import type { Workload } from "./workload.ts";

/** One way's whole part of a run: all its scenarios on one line, once. */
export interface Play {
  way: Way & { id: WayId };
  speed: LineSpeed;
  round: number;
  scenarios: readonly (Scenario & { id: ScenarioId })[];
  workload: Workload;
  upstream: BenchUpstream;
  /** Removed by whoever made it. */
  folder: string;
  signal: AbortSignal;
  /** Said before each step. */
  onStep(detail: string): void;
  /** Called with each figure as soon as it is there, so that a stopped run keeps what it has. */
  onMeasured(measurement: Measurement): void;
  onEmptyProgram(empty: EmptyProgram): void;
  onBaseParts(parts: BaseParts): void;
}

/** Plays on a fresh engine, which has nothing of another way; ends and empties it afterwards, whatever happens. */
export async function play(options: Play): Promise<void> {
  const { way, speed, round, workload, upstream, folder, signal } = options;
  const root = join(folder, "engine");
  const line = await openLine(speed, upstream.port);
  const index = way.hasPackageCache ? await openCountedIndex(line.proxy) : undefined;
  try {
    options.onStep("a fresh engine");
    const engine = await startEngine({ root, mirrors: [line.upstream], signal });
    const workspace = new Workspace(join(folder, "work"), way, workload);
    const { cachePort, packagePorts } = upstream;
    const [pythonPort, debianPort] = packagePorts;
    const ground: Ground = {
      ...{ engine, line, workspace, cachePort, signal },
      ...(index && { packageCache: { pythonIndex: index.url, pythonPort, debianPort } }),
    };
    const tool = await toolOf(way, ground, workload);
    const stage: Stage = { ground, tool, workload, current: workload.first };
    for (const scenario of options.scenarios) {
      options.onStep(scenario.title);
      const at = { way: way.id, scenario: scenario.id, line: speed.name, round };
      const measurement = await measure(stage, at);
      options.onMeasured(measurement);
      if (scenario.id === "first-build") {
        if (measurement.failed) return failRest(options, measurement.failed);
        if (tool.emptyProgram) {
          options.onStep("an empty Pulumi program");
          const seconds = await tool.emptyProgram();
          options.onEmptyProgram({ way: way.id, line: speed.name, round, seconds });
        }
        const isForParts = workload.kind === "full" && way.id === "stack-uv" && speed.mbit === undefined;
        const whole = isForParts ? await tool.baseSeconds?.() : undefined;
        if (whole) {
          options.onStep("the parts of the torch base, each alone");
          const parts = await measureBaseParts(ground, workload.first);
          options.onBaseParts({ way: way.id, line: speed.name, round, ...whole, ...parts });
        }
      }
    }
  } finally {
    await stopEngine(root);
    await index?.close();
    await line.close();
  }
}

async function toolOf(way: Way, ground: Ground, { kind }: Workload): Promise<Tool> {
  if (way.tool === "bake") return new BakeTool(ground);
  if (way.tool === "compose")
    return new ComposeTool(ground, { isGuide: way.files === "guide", registryImage });
  const isFull = kind === "full";
  const stack = new StackTool(ground, {
    isFull,
    hasSmokeTests: isFull && way.files === "ours",
    registryImage,
  });
  await stack.prepare();
  return stack;
}

/** Plays one scenario. A failure is a figure too: the others go on. */
async function measure(
  stage: Stage,
  at: Pick<Measurement, "way" | "scenario" | "line" | "round">,
): Promise<Measurement> {
  const { ground } = stage;
  try {
    const timed = await steps[at.scenario](stage);
    await diskSettles(ground);
    ground.line.reset();
    const began = performance.now();
    const { smokeSeconds = 0, outcome } = await timed();
    const wall = (performance.now() - began) / 1000;
    const outside = { ...ground.line.received };
    return {
      ...at,
      seconds: rounded(wall - smokeSeconds),
      smokeSeconds: rounded(smokeSeconds),
      outside,
      ...(await diskOf(ground, registryImage)),
      ...(outcome !== undefined && { outcome }),
    };
  } catch (error) {
    ground.signal.throwIfAborted();
    const failed = messageOf(error).replaceAll(ground.workspace.folder, "");
    return { ...at, failed, ...(error instanceof ImpossibleError && { impossible: true }) };
  }
}

/** Without a first build nothing else can be measured. */
function failRest({ way, speed, round, scenarios, onMeasured }: Play, reason: string): void {
  for (const { id } of scenarios.slice(1))
    onMeasured({
      way: way.id,
      scenario: id,
      line: speed.name,
      round,
      failed: `the first build failed: ${reason}`,
    });
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
