import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
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
    const counts = join(folder, "counts.json");
    const side = ["--parallel", "--jobs", options.jobs, "tests/**/*.test.ts"];
    const codes = [
      await mocha([...grep, ...side, "--ignore", alone, "--ignore", "tests/soak/**"], {
        GBH_TEST_COUNTS: counts,
      }),
      // Its reporter prints the sum of both.
      await mocha([...grep, alone], existsSync(counts) ? { GBH_TEST_EARLIER: counts } : {}),
    ];
    return Math.max(...codes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function mocha(args: string[], env: Record<string, string> = {}): Promise<number> {
  const { exitCode } = await execa("node_modules/.bin/mocha", args, { stdio: "inherit", reject: false, env });
  return exitCode ?? 1;
}

function specs(paths: string[]): string[] {
  return paths.map((path) => (path.endsWith(".ts") ? path : `${path.replace(/\/$/, "")}/**/*.test.ts`));
}
