import { Command, InvalidArgumentError, Option } from "commander";
import prettyBytes from "pretty-bytes";
import { engineAt } from "../lib/docker/engine.ts";
import { UserError } from "../lib/errors.ts";
import { readTagLedger } from "../lib/images/tag-ledger.ts";
import { readContent } from "../lib/prune/content.ts";
import { planPrune, type PruneItem, type PrunePlan } from "../lib/prune/plan.ts";
import { runPrune, type PruneResult } from "../lib/prune/run.ts";
import { checkStackFile, settingsOfStackFile } from "../lib/settings/load.ts";
import { bytesOf, millisecondsOf } from "../lib/settings/quantities.ts";
import type { Settings } from "../lib/settings/settings.ts";
import { interruptible } from "./interrupts.ts";
import { limitsOfStacks, stacksWithState } from "./known-stacks.ts";
import { stackOption } from "./options.ts";
import { createProgress, type Progress } from "./progress.ts";
import { projectRoot } from "./stack-context.ts";

interface PruneCommandOptions {
  stack: string;
  dryRun: boolean;
  json: boolean;
  volumes: boolean;
  /** Milliseconds. */
  buildCacheOlderThan: number;
  /** Bytes. */
  buildCacheKeep: number;
}

/** What of the build cache stays where nothing else is said. */
export const defaultLimits = { olderThan: 14 * 86_400_000, keepBytes: 50e9 };

/** `npm run prune`: removes what no stack of an engine needs. */
export function pruneCommand(): Command {
  return new Command("npm run prune --")
    .description(
      [
        "Removes what no stack of an engine needs, whichever stack it is of: versions of images beyond keepVersions and keepStorage, and build cache by age and size.",
        "Stays: every stack's current and last versions, what any container uses, running or not, whatever has a name that is not ours, registry caches, cache mounts until the size is reached.",
        "It asks nothing, can be stopped at any time (Ctrl-C), and exits with 0 also where there was nothing to remove, with 1 where it failed.",
      ].join("\n"),
    )
    .addOption(stackOption())
    .option("--dry-run", "say what would go and how many bytes; remove nothing", false)
    .addOption(
      new Option(
        "--build-cache-older-than <time>",
        "remove build cache not used for this long, such as 14d, 36h, 0s; cache mounts (downloads of pip, uv, apt) go by size only",
      )
        .argParser(duration)
        .default(defaultLimits.olderThan, "14d"),
    )
    .addOption(
      new Option(
        "--build-cache-keep <size>",
        "build cache may take this much beside the images, such as 50GB or 500MiB; beyond it what was not used for longest goes, cache mounts last",
      )
        .argParser(size)
        .default(defaultLimits.keepBytes, "50GB"),
    )
    .option("--volumes", "also remove the cached layers of registry caches whose stack is gone", false)
    .option(
      "--json",
      "print {items: [{kind, name, bytes, why}], bytes, atMostBytes, exact, notes, freed} as one JSON object",
      false,
    )
    .action(async (options: PruneCommandOptions) => {
      const progress = createProgress();
      try {
        await interruptible((signal) => prune(options, progress, signal));
      } finally {
        progress.stop();
      }
    });
}

async function prune(options: PruneCommandOptions, progress: Progress, signal: AbortSignal): Promise<void> {
  checkStackFile(projectRoot, options.stack);
  const settings = settingsOfStackFile(projectRoot, options.stack);
  const engine = engineAt(settings.engine.host);
  const engineId = (await engine.info().catch((error: Error) => Promise.reject(startable(error, settings))))
    .id;
  progress.step("look at the engine");
  const { limits, notes } = limitsOfStacks(projectRoot, settings.engine.host);
  const content = await readContent(engine);
  const plan = planPrune(content, await readTagLedger(settings.stateDir, engineId), {
    settings: limits,
    stacksWithState: stacksWithState(),
    volumes: options.volumes,
    olderThan: options.buildCacheOlderThan,
    keepBytes: options.buildCacheKeep,
    now: Date.now(),
  });
  plan.notes.push(...notes);
  progress.done("look at the engine");
  signal.throwIfAborted();
  let result: PruneResult | undefined;
  if (!options.dryRun) {
    progress.step("remove");
    result = await runPrune(plan, content.disk, {
      engine,
      stack: options.stack,
      stateDir: settings.stateDir,
      signal,
      onStep: (detail) => progress.step("remove", detail),
    });
    plan.notes.push(...result.notes);
    progress.done("remove");
  }
  progress.stop();
  console.log(options.json ? asJson(plan, result) : asText(plan, result));
}

function startable(error: Error, settings: Settings): Error {
  if (!settings.sandbox || !(error instanceof UserError)) return error;
  return new UserError("The sandbox does not run, so it cannot be pruned. Start it with: npm run -s env");
}

function asJson(plan: PrunePlan, result: PruneResult | undefined): string {
  const { items, bytes, atMostBytes, isExact: exact, notes } = plan;
  return JSON.stringify({ items, bytes, atMostBytes, exact, notes, ...(result && { freed: result.freed }) });
}

function asText(plan: PrunePlan, result: PruneResult | undefined): string {
  const about = plan.isExact ? "" : "about ";
  const lines = plan.items.map(itemLine);
  if (plan.notes.length > 0) lines.push("", "Left:", ...plan.notes.map((note) => `  ${note}`));
  if (lines.length > 0) lines.push("");
  if (result) lines.push(`Freed ${amount(result.freed)}.`);
  else if (plan.items.length === 0) lines.push("Nothing to remove.");
  else {
    lines.push(`Would free ${about}${amount(plan.bytes)}. Nothing was removed (--dry-run).`);
    if (plan.atMostBytes > plan.bytes)
      lines.push(
        `At most ${amount(plan.atMostBytes)}, with build steps that may stand on those layers: the engine tells only once they are gone.`,
      );
  }
  return lines.join("\n");
}

function itemLine({ kind, name, bytes, why }: PruneItem): string {
  return `${kind.padEnd(12)} ${prettyBytes(bytes).padStart(8)}  ${name}: ${why}`;
}

function amount(bytes: number): string {
  return bytes < 1000 ? `${bytes} bytes` : `${prettyBytes(bytes)} (${bytes} bytes)`;
}

function duration(text: string): number {
  const milliseconds = millisecondsOf(text);
  if (milliseconds === undefined) throw new InvalidArgumentError("It must be a time such as 14d, 36h or 0s.");
  return milliseconds;
}

function size(text: string): number {
  const bytes = bytesOf(text);
  if (bytes === undefined) throw new InvalidArgumentError("It must be a size such as 50GB, 500MiB or 0.");
  return bytes;
}
