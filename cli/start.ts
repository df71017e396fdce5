import { Command } from "commander";
import { createProgress, type Progress } from "./progress.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { builtToolchainOption, stackOption } from "./options.ts";
import { converge, type RunResult } from "./pulumi-run.ts";
import { withRunRecord } from "./run-record.ts";
import { openStack, type OpenOptions, type OpenStack } from "./stack-context.ts";
import { printSummary } from "./summary.ts";

interface StartOptions extends OpenOptions {
  json?: boolean;
}

/** `npm start`: brings everything a stack needs and converges it. */
export function startCommand(): Command {
  return new Command("npm start --")
    .description(
      "Converges a stack. Without options: a private Docker Engine under .sandbox/ with registry cache, CUDA bases and services; nothing of this machine is touched.",
    )
    .addOption(stackOption())
    .addOption(builtToolchainOption())
    .option("--json", "print the summary as one JSON object")
    .action(async (options: StartOptions) => {
      const progress = createProgress();
      try {
        await oneAtATime(options.stack, async () => {
          const stack = await openStack(options, progress);
          await convergeStack(stack, progress, options.json);
        });
      } finally {
        progress.stop();
      }
    });
}

/** Runs `pulumi up` on an opened stack and prints what came of it. */
export async function convergeStack(stack: OpenStack, progress: Progress, json = false): Promise<RunResult> {
  const run = `${Date.now()}-${process.pid}`;
  const context = { ...stack.context, env: { ...stack.context.env, GPU_BUILD_HOST_RUN: run } };
  // With the program, a refresh is a part of the update: every plugin starts once, not twice.
  const args = ["up", "--stack", context.stack, "--skip-preview", "--run-program"];
  const result = await withRunRecord(stack.settings, run, () => converge(context, args, progress));
  progress.stop();
  await printSummary(stack, result, run, json);
  return result;
}
