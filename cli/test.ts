import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { execa } from "execa";

/** Tests that look at the whole machine, and so run when no other test does. */
const alone = "tests/**/*.alone.test.ts";

/** `npm test`: every test but the long ones of tests/soak, or those of the named files and folders. */
export function testCommand(): Command {
  return (
    new Command("npm test --")
      .description(
        "Runs the tests: all but the long ones of tests/soak, or those of the named files and folders of tests/. " +
          "Without names, files run side by side; those named *.alone.test.ts come last, one by one.",
      )
      .argument("[paths...]", "e.g. tests/daemon or tests/images/plan.test.ts")
      .option("--grep <text>", "only tests whose name contains the text")
      // One more than there are cores: tests wait for engines and registries much of the time.
      .option("--jobs <number>", "how many files run side by side", String(availableParallelism() + 1))
      .action(async (paths: string[], options: { grep?: string; jobs: string }) => {
        const grep = options.grep ? ["--fgrep", options.grep] : [];
        process.exitCode =
          paths.length > 0 ? await mocha([...grep, ...specs(paths)]) : await all(grep, options);
      })
  );
}

async function all(grep: string[], options: { jobs: string }): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "gbh-tests-"));
  try {
    const env = { GBH_TEST_COUNTS: join(folder, "counts") };
    const side = ["--parallel", "--jobs", options.jobs, "tests/**/*.test.ts"];
    const codes = [
      await mocha([...grep, ...side, "--ignore", alone, "--ignore", "tests/soak/**"], env),
      await mocha([...grep, alone], env),
    ];
    console.log(await sum(env.GBH_TEST_COUNTS));
    return Math.max(...codes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function mocha(args: string[], env: Record<string, string> = {}): Promise<number> {
  const { exitCode } = await execa("node_modules/.bin/mocha", args, { stdio: "inherit", reject: false, env });
  return exitCode ?? 1;
}

/** The counts of every part in one line. */
async function sum(file: string): Promise<string> {
  const parts = (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { passes: number; failures: number; pending: number });
  const of = (key: "passes" | "failures" | "pending") => parts.reduce((total, part) => total + part[key], 0);
  return `${of("passes")} passed, ${of("failures")} failed${of("pending") ? `, ${of("pending")} skipped` : ""}`;
}

function specs(paths: string[]): string[] {
  return paths.map((path) => (path.endsWith(".ts") ? path : `${path.replace(/\/$/, "")}/**/*.test.ts`));
}
