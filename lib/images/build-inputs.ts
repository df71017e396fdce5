import type { Instruction } from "./dockerfile-syntax.ts";

/** A path that a build takes from a folder of this machine. */
export interface ContextSource {
  /** Name of the context; undefined is the build's own. */
  context?: string;
  /** Path or pattern in the context, e.g. `"app/*.py"`; `"."` is all of it. */
  path: string;
  kind: "copy" | "mount";
  parents?: boolean;
  line: number;
}

/** An image that a build stands on or takes files from. */
export interface ImageUse {
  /** As the Dockerfile names it, variables expanded. */
  reference: string;
  line: number;
  by: "FROM" | "COPY --from" | "RUN --mount";
}

/** What an image hands down to the images built on it. */
export interface Inherited {
  env: Map<string, string>;
  /** Whether `env` is all there is; false on an external image. */
  envComplete: boolean;
  /** Text of its ONBUILD instructions. */
  onbuild: string[];
  /** Image that the chain of FROM begins with, variables expanded. */
  base?: string;
}

/** One instruction that a build does, with what it sees: for telling which steps of an earlier build still hold. */
export interface BuildInstruction {
  /** Index of its stage in the file. */
  stage: number;
  instruction: Instruction;
  /** ENV and ARG as they stand there; ENV of an external image is not among them. */
  env: Record<string, string>;
  args: Record<string, string | undefined>;
}

/** Everything that the build of one target reads. */
export interface DockerfileInputs {
  images: ImageUse[];
  sources: ContextSource[];
  /** Names of further contexts that are used. */
  contexts: string[];
  /** Arguments that the needed stages declare, with the value they have, if any. */
  args: Map<string, string | undefined>;
  /** The needed instructions, in one spelling: comments and unneeded stages change nothing. */
  text: string;
  /** The stage that is built: its name, or `"last"`, or `"#2"`. */
  target: string;
  /** RUN, COPY, ADD and WORKDIR of the needed stages, each after those that it needs. */
  instructions: BuildInstruction[];
  /** Index of the stage that is built, and what FROM of each needed stage names, variables expanded. */
  targetIndex: number;
  stages: Map<number, { name?: string; base: string }>;
  /** Names of all stages in the file, with their lines. */
  stageNames: Map<string, number>;
  /** Another frontend that BuildKit fetches first, from a `# syntax=` line. */
  syntax?: string;
  result: Inherited;
}

export interface ReadOptions {
  target?: string;
  args: Record<string, string>;
  /** Names of contexts given by `--build-context`. */
  contexts: string[];
  platform: string;
  buildPlatform: string;
  /** What an image of the same stack hands down; undefined for an external image. */
  inherit(reference: string): Inherited | undefined;
}
