import { Command } from "commander";
import { catalogCommand } from "./cache/catalog.ts";
import { clearCommand } from "./cache/clear.ts";
import { pruneCommand } from "./cache/prune.ts";
import { statusCommand } from "./cache/status.ts";
import { timerCommand } from "./cache/timer.ts";
import { verifyCommand } from "./cache/verify.ts";
import { warmCommand } from "./cache/warm.ts";

/** `npm run cache`: looks after the pull-through caches of a stack. */
export function cacheCommand(): Command {
  const command = new Command("npm run cache --").description(
    [
      "Looks after the registry caches of a stack while they run: pulls and builds go on meanwhile.",
      "What is removed is fetched again when somebody asks for it, as long as its upstream has it.",
    ].join("\n"),
  );
  const parts = [
    statusCommand(),
    catalogCommand(),
    warmCommand(),
    pruneCommand(),
    clearCommand(),
    verifyCommand(),
    timerCommand(),
  ];
  for (const part of parts) command.addCommand(part);
  return command;
}
