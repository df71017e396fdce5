import type { ImagePlan } from "../images/types.ts";
import type { Settings } from "../settings/settings.ts";
import type { CacheFacts } from "./cache-facts.ts";
import type { DaemonFacts } from "./daemon-facts.ts";
import type { EngineAnswer } from "./engine-answer.ts";
import type { NvidiaAnswer } from "../host/nvidia.ts";
import type { Unknown } from "./unknown.ts";
import type { UpstreamAnswer } from "./upstream-answer.ts";

export { isUnknown, type Unknown } from "./unknown.ts";

/** `SKIP`: does not apply here, or cannot be told; never the same as `OK`. */
export type Status = "OK" | "WARN" | "FAIL" | "SKIP";

/** What one look at the host came to. */
export interface Check {
  /** Stays the same for ever, e.g. `"net.mirror"`. */
  id: string;
  status: Status;
  /** One line: what was found, with the value. */
  line: string;
  /** Command or setting that mends it; undefined where nothing is to be done, or where the line says it. */
  fix?: string;
}

/** What a check returns: the same without its id. `repair` is what `--fix` may do by itself. */
export interface Outcome extends Omit<Check, "id"> {
  repair?: Repair;
}

/** A mend that takes nothing from anybody, so that `--fix` may do it unasked. */
export interface Repair {
  /** One line: what will be done. */
  says: string;
  run(): Promise<void>;
}

/** What checks look at. Each is read once, when it is first asked for; none changes anything. */
export interface Facts {
  settings: Settings;
  /** False in the stack `sandbox` as long as `npm start` has never run: there is no engine and no port to look at. */
  started: boolean;
  /** Environment of the commands that checks run (`docker`, `nvidia-smi`). */
  env: NodeJS.ProcessEnv;
  /** Folder of Pulumi's file back-end; undefined where the state is elsewhere. */
  backend?: string;
  /** Run what takes long or starts a container. */
  deep: boolean;
  engine(): Promise<EngineAnswer | Unknown>;
  daemon(): Promise<DaemonFacts | Unknown>;
  cache(): Promise<CacheFacts | Unknown>;
  nvidia(): Promise<NvidiaAnswer>;
  /** What the registry at a URL says, one that a cache mirrors. */
  upstream(url: string): Promise<UpstreamAnswer>;
  /** Every image of the stack, parents first. */
  images(): Promise<ImagePlan[] | Unknown>;
  /** Those of them that are still to be built. */
  missingImages(): Promise<ImagePlan[] | Unknown>;
  /** The registry image by digest, e.g. `"registry@sha256:…"`. */
  cacheImage(): Promise<string | Unknown>;
}

/** One check: what it looks at, and when it is not content. The words make the page docs/doctor.md. */
export interface CheckDefinition {
  id: string;
  /** What is looked at, and how. */
  what: string;
  /** When it is FAIL; undefined where it never is. */
  fails?: string;
  /** When it is WARN; undefined where it never is. */
  warns?: string;
  /** Seconds until the check counts as not answered. @default 10 */
  limit?: number;
  run(facts: Facts, signal: AbortSignal): Promise<Outcome> | Outcome;
}

export const ok = (line: string): Outcome => ({ status: "OK", line });
export const skip = (line: string, fix?: string): Outcome => ({ status: "SKIP", line, ...(fix && { fix }) });
export const warn = (line: string, fix: string): Outcome => ({ status: "WARN", line, fix });
/** Without `fix` where the line ends in what mends it, as the words of an error do. */
export const fail = (line: string, fix?: string): Outcome => ({ status: "FAIL", line, ...(fix && { fix }) });
