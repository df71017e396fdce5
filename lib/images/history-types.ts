import type { BuildStep } from "./build-progress.ts";

/** What happened to one image in one run. */
export interface ImageEvent {
  /** Number of the format that its line was written in; 1 had none. */
  format?: number;
  /** ISO time of the beginning; format 1 does not have it. */
  began?: string;
  /** ISO time of the end. */
  time: string;
  /** Run that it belongs to, from `GPU_BUILD_HOST_RUN`; empty outside a wrapper. */
  run: string;
  stack: string;
  image: string;
  hash: string;
  reference: string;
  tags: string[];
  /** `built`: made now; `reused`: was there under its hash; `tagged`: only names or the smoke test changed; `failed`. */
  result: "built" | "reused" | "tagged" | "failed";
  /** Why, e.g. `["file app/main.py", "parent cuda-base-runtime"]`. */
  reasons: string[];
  /** What the hash is made of, where it is another one than before. */
  parts?: Record<string, string>;
  buildSeconds: number;
  smokeSeconds: number;
  /** Whether the smoke test had a GPU; undefined where there was no test. */
  smokeGpu?: boolean;
  steps: BuildStep[];
  /** What BuildKit did beside the steps and that took time, e.g. `"exporting to image"`. */
  housekeeping?: BuildStep[];
  /** Size on the disk in bytes, shared layers included. */
  size: number;
  /** Bytes of base image layers that were fetched. */
  fetchedBytes: number;
  error?: string;
}

/** One run of a command that converges a stack and did something with an image, as its wrapper saw it; plain `pulumi up` leaves none. */
export interface RunRecord {
  /** Tells such a line from that of an image. */
  kind: "run";
  format: number;
  run: string;
  stack: string;
  /** ISO time. */
  began: string;
  /** Of all of it, what Pulumi needs for itself included. */
  seconds: number;
  result: "done" | "failed" | "stopped";
  /** Resources that changed. */
  changed: number;
}

/** What a stack's history file holds. */
export interface History {
  /** Oldest first. */
  events: ImageEvent[];
  /** Oldest first. */
  runs: RunRecord[];
  /** Numbers of the lines that nobody can read: cut off by a crash, damaged, or of another version. */
  unreadable: number[];
}
