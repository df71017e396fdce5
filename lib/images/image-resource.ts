import type { Engine } from "../docker/engine.ts";
import type { BuildCache } from "./build-cache.ts";
import type { BuildRun } from "./build-run.ts";
import type { BuildOptions, BuildPlan } from "./build.ts";
import type { ImagePlan, SmokeTest } from "./types.ts";

/** One image as a stack wants it on an engine. */
export interface ImageResource {
  stack: string;
  /** e.g. `"unix:///var/run/docker.sock"` */
  dockerHost: string;
  stateDir: string;
  reference: string;
  tags: string[];
  hash: string;
  parts: Record<string, string>;
  smokeTest?: SmokeTest;
  /** Versions that stay for going back. */
  keep: number;
  /** Bytes that all former versions of the stack may take beside the current ones. @default no ceiling */
  keepStorage?: number;
  /** Versions that the stack wants now, see `neededText`: none of them goes, although it may not be in use yet. */
  needed?: string;
  adoptTags?: boolean;
  /** Tags move only to images whose smoke test had a GPU. */
  requireGpu?: boolean;
  idleMinutes?: number;
  /** Builds of a run that work side by side. @default what the machine has room for */
  parallel?: number;
  buildCache?: BuildCache;
  build: BuildPlan & Pick<ImagePlan, "parents" | "base" | "basesBelow" | "mustExist">;
}

/** What the state remembers of the image as it was before. */
export type PreviousImage = Pick<ImageResource, "hash" | "parts" | "tags">;

export interface RealiseOptions extends Pick<BuildOptions, "signal" | "onStep" | "onNote" | "onWarning"> {
  engine: Engine;
  run: BuildRun;
}
