import { Command } from "commander";
import { createProgress } from "./progress.ts";
import { openStack } from "./stack-context.ts";
import { builtToolchainOption, stackOption } from "./options.ts";

/** `npm run -s env`: the variables with which plain docker, docker compose and pulumi reach a stack. */
export function envCommand(): Command {
  return new Command("npm run -s env --")
    .description('Prints "export NAME=value" lines: eval "$(npm run -s env -- --stack sandbox)"')
    .addOption(stackOption())
    .addOption(builtToolchainOption())
    .option("--json", "as one JSON object")
    .action(async (options: { stack: string; builtToolchain: boolean; json?: boolean }) => {
      const progress = createProgress();
      const { context } = await openStack({ ...options, looksOnly: true }, progress);
      progress.stop();
      if (options.json) console.log(JSON.stringify(context.env, undefined, 2));
      else
        for (const [name, value] of Object.entries(context.env))
          console.log(`export ${name}=${quoted(value)}`);
    });
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
