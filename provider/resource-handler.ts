import type { BuildRun } from "../lib/images/build-run.ts";

/** One operation's line to Pulumi: messages appear on the resource's own row, `signal` fires when the user stops the run. */
export interface Session {
  log(
    message: string,
    options?: { urn?: string; ephemeral?: boolean; severity?: "info" | "warning" | "debug" | "error" },
  ): Promise<void>;
  signal: AbortSignal;
  /** What all builds of this run share. */
  run: BuildRun;
}

/** What `diff` found. `detailedDiff` is for programs that read it: the SDK's provider server passes on the other three. */
export interface ResourceDiff {
  changes: boolean;
  replaces?: string[];
  deleteBeforeReplace?: boolean;
  detailedDiff?: Record<string, { kind: "add" | "delete" | "update" }>;
}

/** One resource type of our provider. `I` are its inputs as the program gives them, `O` what Pulumi's state keeps. */
export interface ResourceHandler<I, O> {
  check(
    urn: string,
    olds: I | undefined,
    news: I,
  ): Promise<{ inputs: I; failures: { property: string; reason: string }[] }>;
  diff(id: string, urn: string, olds: O, news: I): Promise<ResourceDiff>;
  create(urn: string, inputs: I, session: Session): Promise<{ id: string; outs: O }>;
  /**
   * With `inputs` a preview shows on the resource's own line what drifted, `[diff: ~file]`, and with `--diff` each `live => wanted`.
   * `pulumi up` reads everything before it runs the program, `npm start` each resource when its turn has come.
   */
  read(
    id: string,
    urn: string,
    props: O,
    run?: BuildRun,
  ): Promise<{ id: string; props: O; inputs?: I } | undefined>;
  update(id: string, urn: string, olds: O, news: I, session: Session): Promise<{ outs: O }>;
  delete(id: string, urn: string, props: O, session: Session): Promise<void>;
}
