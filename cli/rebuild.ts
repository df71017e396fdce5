import { Command } from "commander";
import { imageNames } from "./image-names.ts";
import { createProgress, type Progress } from "./progress.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { builtToolchainOption, stackOption } from "./options.ts";
import { pulumi } from "./pulumi-run.ts";
import { openStack } from "./stack-context.ts";
import { convergeStack } from "./start.ts";
import { settingsOfStackFile } from "../lib/settings/load.ts";
import { projectRoot } from "./stack-context.ts";

interface RebuildOptions {
  stack: string;
  builtToolchain: boolean;
  cache: boolean;
}

/** `npm run rebuild -- whisperx`: builds images again although nothing of them has changed. */
export function rebuildCommand(): Command {
  return new Command("npm run rebuild --")
    .description("Builds images again although nothing of them has changed; what stands on them follows.")
    .argument("<image...>", '"all", "runtime", "devel", or names of services')
    .addOption(stackOption())
    .addOption(builtToolchainOption())
    .option(
      "--no-cache",
      "run every step again. Where the Dockerfile declares ARG REBUILD, downloads in cache mounts survive; elsewhere they are fetched again",
    )
    .action(async (images: string[], options: RebuildOptions) => {
      const progress = createProgress();
      try {
        await oneAtATime(options.stack, () => rebuild(images, options, progress));
      } finally {
        progress.stop();
      }
    });
}

async function rebuild(images: string[], options: RebuildOptions, progress: Progress): Promise<void> {
  const stack = await openStack(options, progress);
  const { services, packageCache } = stack.settings;
  const further = packageCache.mode === "own" ? ["package-cache"] : []; // its programs get the distribution's patches so
  const names = imageNames(images, [...Object.keys(services), ...further]);
  for (const name of names) {
    const count = (stack.settings.rebuilds[name]?.count ?? 0) + 1;
    await setRebuild(stack.context, name, count, !options.cache);
  }
  progress.print(
    `Rebuilding ${names.join(", ")}. The counters stand under gpu-build-host:rebuilds in Pulumi.${options.stack}.yaml.`,
  );
  await convergeStack({ ...stack, settings: settingsOfStackFile(projectRoot, options.stack) }, progress);
}

async function setRebuild(
  context: Parameters<typeof pulumi>[0],
  name: string,
  count: number,
  noCache: boolean,
): Promise<void> {
  const key = `gpu-build-host:rebuilds["${name}"]`;
  await pulumi(context, ["config", "set", "--stack", context.stack, "--path", `${key}.count`, String(count)]);
  await pulumi(context, [
    "config",
    "set",
    "--stack",
    context.stack,
    "--path",
    `${key}.noCache`,
    String(noCache),
  ]);
}
