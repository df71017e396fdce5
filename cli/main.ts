import type { Command } from "commander";
import { StoppedError } from "./interrupts.ts";
import { UserError } from "../lib/errors.ts";

/** A command whose code is loaded only when it is called: `npm start` need not read the others. */
const commands: Record<string, () => Promise<Command>> = {
  start: async () => (await import("./start.ts")).startCommand(),
  destroy: async () => (await import("./destroy.ts")).destroyCommand(),
  recover: async () => (await import("./recover.ts")).recoverCommand(),
  env: async () => (await import("./env.ts")).envCommand(),
  rebuild: async () => (await import("./rebuild.ts")).rebuildCommand(),
  rollback: async () => (await import("./rollback.ts")).rollbackCommand(),
  use: async () => (await import("./use.ts")).useCommand(),
  doctor: async () => (await import("./doctor.ts")).doctorCommand(),
  plan: async () => (await import("./plan.ts")).planCommand(),
  lock: async () => (await import("./lock.ts")).lockCommand(),
  cache: async () => (await import("./cache.ts")).cacheCommand(),
  prune: async () => (await import("./prune.ts")).pruneCommand(),
  report: async () => (await import("./report.ts")).reportCommand(),
  bench: async () => (await import("./bench.ts")).benchCommand(),
  test: async () => (await import("./test.ts")).testCommand(),
};

/** Runs one command of package.json, e.g. `["start", "--stack", "dev"]`. */
export async function main(args: string[]): Promise<void> {
  // A closed terminal must not end this program before Pulumi has stopped cleanly.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const create = commands[args[0] ?? ""];
  if (!create) {
    console.error(
      `Commands: ${Object.keys(commands)
        .map((name) => `npm run ${name}`)
        .join(", ")}; each has --help (npm run rebuild -- --help).`,
    );
    process.exitCode = 2;
    return;
  }
  try {
    const command = await create();
    await command.parseAsync(args.slice(1), { from: "user" });
  } catch (error) {
    process.exitCode = error instanceof StoppedError ? 130 : 1;
    if (error instanceof UserError) console.error(`\n${error.message}`);
    else if (process.env["DEBUG"]) console.error(error);
    else
      console.error(
        `\n${(error as Error).message}\nThis was not foreseen. Run it with DEBUG=1 for the place in the code.`,
      );
  }
}
