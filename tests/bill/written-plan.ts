import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StepsPlan } from "../../lib/bill/build-steps.ts";

/** Writes a Dockerfile into a folder, and gives the plan of an image `app` that is built from it. */
export function writtenPlan(
  folder: string,
  dockerfile: string,
  args: Record<string, string> = {},
  parts: Record<string, string> = {},
): StepsPlan {
  writeFileSync(join(folder, "Dockerfile"), dockerfile);
  const pins = { "busybox:1": `docker-image://127.0.0.1:5000/library/busybox@sha256:${"0".repeat(64)}` };
  const rebuild = { count: 0, noCache: false };
  return { name: "app", context: folder, dockerfile: "Dockerfile", args, contexts: {}, pins, rebuild, parts };
}
