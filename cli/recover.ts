import { Command } from "commander";
import { createProgress, type Progress } from "./progress.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { builtToolchainOption, stackOption } from "./options.ts";
import { openStack, type OpenOptions } from "./stack-context.ts";
import { convergeStack } from "./start.ts";
import { troublesOf, type Trouble } from "./troubles.ts";

interface RecoverOptions extends OpenOptions {
  json?: boolean;
  dryRun: boolean;
}

/** `npm run recover`: as `npm start`, and takes over what a lost state has left on the engine. */
export function recoverCommand(): Command {
  return new Command("npm run recover --")
    .description(
      "Mends what killed runs and lost files have left of a stack, adopts what its state does not know (volume, images and mirror stay), and converges it.",
    )
    .addOption(stackOption())
    .addOption(builtToolchainOption())
    .option("--dry-run", "only say what is wrong and what would be done", false)
    .option("--json", "print the summary, or with --dry-run what is wrong, as one JSON object")
    .action(async (options: RecoverOptions) => {
      const progress = createProgress();
      try {
        await oneAtATime(options.stack, () => recover(options, progress));
      } finally {
        progress.stop();
      }
    });
}

async function recover(options: RecoverOptions, progress: Progress): Promise<void> {
  const stack = await openStack({ ...options, adopt: true }, progress);
  if (!options.dryRun) {
    await convergeStack(stack, progress, options.json);
    return;
  }
  const { backend, context, settings } = stack;
  const troubles = backend ? await troublesOf({ backend, context, settings }) : [];
  progress.stop();
  if (options.json)
    console.log(JSON.stringify({ troubles: troubles.map(({ id, what, remedy }) => ({ id, what, remedy })) }));
  else console.log(inWords(options.stack, troubles, backend));
}

function inWords(stack: string, troubles: Trouble[], backend: string | undefined): string {
  if (!backend)
    return `The state of the stack ${stack} is not in a folder: it is left to Pulumi (pulumi cancel, pulumi refresh).`;
  if (troubles.length === 0) return `Nothing of the stack ${stack} needs to be recovered.`;
  const lines = troubles.map(({ what, remedy }) => `  ${what}\n    would ${remedy}`);
  return [`Of the stack ${stack}:`, ...lines].join("\n");
}
