import { existsSync } from "node:fs";
import { Command } from "commander";
import { messageOf, UserError } from "../lib/errors.ts";
import { purgeSandbox, stopSandbox } from "../sandbox/sandbox.ts";
import { removeTimer } from "./cache/timer.ts";
import { createProgress, type Progress } from "./progress.ts";
import { removeStrayContainers, removeStrayImages } from "./leftovers.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { builtToolchainOption, stackOption } from "./options.ts";
import { converge, pulumi } from "./pulumi-run.ts";
import { openStack, sandboxRoot, type OpenOptions } from "./stack-context.ts";

interface DestroyOptions extends OpenOptions {
  purge: boolean;
}

/** `npm run destroy`: takes everything of a stack away and gives Docker back as it was. */
export function destroyCommand(): Command {
  return new Command("npm run destroy --")
    .description("Takes a stack's images, cache and daemon settings away; of the sandbox also its engine.")
    .addOption(stackOption())
    .addOption(builtToolchainOption())
    .option("--purge", "also remove the sandbox's folder: build cache, downloads, state", false)
    .action(async (options: DestroyOptions) => {
      const progress = createProgress();
      try {
        await oneAtATime(options.stack, () => destroy(options, progress));
      } finally {
        progress.stop();
      }
    });
}

async function destroy(options: DestroyOptions, progress: Progress): Promise<void> {
  const isSandbox = options.stack === "sandbox";
  if (isSandbox && !existsSync(sandboxRoot)) {
    console.log("There is no sandbox: nothing to destroy.");
    return;
  }
  if (isSandbox && options.purge) return purge(options, progress);
  await destroyStack(options, progress);
}

/** Removes the sandbox whatever state it is in: nothing of it outlives its engine. */
async function purge(options: DestroyOptions, progress: Progress): Promise<void> {
  try {
    await destroyStack(options, progress);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    progress.print(
      `The stack cannot be destroyed in order, so all of the sandbox goes at once:\n${error.message}`,
    );
  }
  await takeTimerAway(options.stack, progress);
  progress.step("sandbox", "removing its folder");
  await purgeSandbox(sandboxRoot);
  progress.stop();
  console.log("The sandbox is removed.");
}

/** Last, and never in the way: systemd may have nobody who answers. */
async function takeTimerAway(stack: string, progress: Progress): Promise<void> {
  try {
    const removed = await removeTimer(stack);
    if (removed.length > 0) progress.print(`Its nightly timer is gone, too: ${removed.join(", ")}.`);
  } catch (error) {
    progress.print(`warning: its nightly timer stays: ${messageOf(error)}`);
  }
}

async function destroyStack(options: DestroyOptions, progress: Progress): Promise<void> {
  const { context, settings, sandbox } = await openStack({ ...options, takesAway: true }, progress);
  const result = await converge(context, ["destroy", "--stack", options.stack], progress);
  await removeStrayContainers(settings.engine.host, options.stack, new Set());
  await removeStrayImages(settings.engine.host, options.stack);
  await pulumi(context, ["stack", "rm", options.stack, "--yes", "--preserve-config"]);
  if (sandbox) {
    progress.step("sandbox", "stopping the private engine");
    await stopSandbox(sandboxRoot);
    progress.done("sandbox", "stopped");
  }
  await takeTimerAway(options.stack, progress);
  progress.stop();
  console.log(
    `${result.changes.length} resources of the stack ${options.stack} are gone (${result.seconds.toFixed(1)} s).`,
  );
  if (sandbox && !options.purge)
    console.log(
      "The sandbox's build cache and downloads stay in .sandbox/; npm run destroy -- --purge removes them.",
    );
}
