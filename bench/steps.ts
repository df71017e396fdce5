import { loseAllButVolumes, loseImages, type Ground } from "./ground.ts";
import type { ScenarioId } from "./scenarios.ts";
import type { Built, Tool } from "./tools/tool.ts";
import type { CudaSet, Workload } from "./workload.ts";

/** What a scenario is played on. */
export interface Stage {
  ground: Ground;
  tool: Tool;
  workload: Workload;
  /** The set that the images are of now. */
  current: CudaSet;
}

/** The part of a scenario that is timed. */
type Timed = () => Promise<Built & { outcome?: string }>;

/** Prepares a scenario, which is not timed, and gives what is. */
export type Step = (stage: Stage) => Promise<Timed>;

export const steps: Record<ScenarioId, Step> = {
  "first-build":
    async ({ tool, current }) =>
    () =>
      tool.build(current, "everything"),
  "nothing-changed":
    async ({ tool, current }) =>
    () =>
      tool.build(current, "services"),
  "code-late": async ({ ground, tool, current }) => {
    ground.workspace.changeCode();
    return () => tool.build(current, "whisperx");
  },
  "code-early": async ({ ground, tool, current }) => {
    const restore = ground.workspace.copyCodeEarly();
    try {
      await tool.build(current, "whisperx");
      ground.workspace.changeCode();
    } catch (error) {
      restore();
      throw error;
    }
    return () => tool.build(current, "whisperx").finally(restore);
  },
  "dependency-change": async ({ ground, tool, current }) => {
    await tool.build(current, "whisperx"); // the Dockerfile of the scenario before is put back
    ground.workspace.changeDependency(current);
    return () => tool.build(current, "whisperx");
  },
  "one-more-service": async ({ tool, current }) => {
    tool.addService();
    return () => tool.build(current, "services");
  },
  "images-lost": async ({ ground, tool, current }) => {
    await loseImages(ground);
    return () => tool.build(current, "images");
  },
  "all-lost": async ({ ground, tool, current }) => {
    await loseAllButVolumes(ground);
    return () => tool.build(current, "everything");
  },
  "torch-change": async (stage) => {
    stage.current = stage.workload.change;
    return () => stage.tool.build(stage.current, "images");
  },
  "second-stack":
    async ({ tool, workload }) =>
    () =>
      tool.buildBeside(workload.second),
  "refused-upgrade": async ({ ground, tool, workload }) => {
    ground.workspace.touchLocks(workload.second);
    return async () => ({ outcome: await tool.tryImpossible(workload.second) });
  },
};
