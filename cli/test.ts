import { Command } from "commander";
import { execa } from "execa";

/** `npm test`: every test but the long ones of tests/soak, or those of the named files and folders. */
export function testCommand(): Command {
  return new Command("npm test --")
    .description(
      "Runs the tests: all but the long ones of tests/soak, or those of the named files and folders of tests/.",
    )
    .argument("[paths...]", "e.g. tests/daemon or tests/images/plan.test.ts")
    .option("--grep <text>", "only tests whose name contains the text")
    .action(async (paths: string[], options: { grep?: string }) => {
      const args = [...(options.grep ? ["--fgrep", options.grep] : []), ...specs(paths)];
      const { exitCode } = await execa("node_modules/.bin/mocha", args, { stdio: "inherit", reject: false });
      process.exitCode = exitCode ?? 1;
    });
}

function specs(paths: string[]): string[] {
  if (paths.length === 0) return ["tests/**/*.test.ts", "--ignore", "tests/soak/**"];
  return paths.map((path) => (path.endsWith(".ts") ? path : `${path.replace(/\/$/, "")}/**/*.test.ts`));
}
