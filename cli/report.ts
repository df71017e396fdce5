import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { execa } from "execa";
import writeFileAtomic from "write-file-atomic";
import { engineAt } from "../lib/docker/engine.ts";
import { UserError } from "../lib/errors.ts";
import { makeReport } from "../lib/report/make-report.ts";
import { reportPage } from "../lib/report/page/page.ts";
import { readReportFacts } from "../lib/report/read-facts.ts";
import { inWords, hitRateOf, percent } from "../lib/report/words.ts";
import type { Report } from "../lib/report/types.ts";
import { checkStackFile, settingsOfStackFile } from "../lib/settings/load.ts";
import { limitsOfStacks, stacksWithState } from "./known-stacks.ts";
import { stackOption } from "./options.ts";
import { createProgress } from "./progress.ts";
import { defaultLimits } from "./prune.ts";
import { projectRoot } from "./stack-context.ts";

interface ReportOptions {
  stack: string;
  output?: string;
  json: boolean;
  open: boolean;
}

/** `npm run report`: where the time of a stack's builds went, as one page. */
export function reportCommand(): Command {
  return new Command("npm run report --")
    .description(
      [
        "Writes one HTML page that shows where the time of a stack's builds went: runs as timelines, what came from the cache, layers and disk, what could be pruned, what would help.",
        "The page needs no network. Nothing is changed; without an engine that answers, sizes and layers are left out.",
      ].join("\n"),
    )
    .addOption(stackOption())
    .option("--output <file>", "where to write the page (default: reports/<stack>.html)")
    .option("--open", "show it with the desktop's browser (xdg-open)", false)
    .option("--json", "print the data of the page as one JSON object; write no page", false)
    .action(report);
}

async function report(options: ReportOptions): Promise<void> {
  checkStackFile(projectRoot, options.stack);
  const settings = settingsOfStackFile(projectRoot, options.stack);
  const progress = createProgress();
  let made: Report;
  try {
    progress.step("look at history and engine");
    const { limits, notes } = limitsOfStacks(projectRoot, settings.engine.host);
    const facts = await readReportFacts({
      settings,
      engine: engineAt(settings.engine.host),
      prune: {
        ...defaultLimits,
        settings: limits,
        stacksWithState: stacksWithState(),
        volumes: false,
        now: Date.now(),
      },
    });
    facts.notes.push(...notes);
    made = makeReport(facts);
  } finally {
    progress.stop();
  }
  if (options.json) {
    console.log(JSON.stringify(made));
    return;
  }
  const file = resolve(options.output ?? join(projectRoot, "reports", `${options.stack}.html`));
  const page = await reportPage(made);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, page);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new UserError(`The page cannot be written to ${file} (${why}); name another place: --output FILE`);
  }
  for (const note of made.notes) console.log(note);
  for (const line of lastRunLine(made)) console.log(line);
  for (const { line, fix } of made.advice.slice(0, 3)) console.log(`  ${line}\n    ${fix}`);
  console.log(file);
  if (options.open) await open(file);
}

function lastRunLine({ runs, stack }: Report): string[] {
  const run = runs.at(-1);
  if (!run) return [];
  const rate = hitRateOf(run.images);
  const cached = rate === undefined ? "" : `, ${percent(rate)} of the steps from the cache`;
  return [`Last run of ${stack}: ${inWords(run.seconds)}${cached}.`];
}

async function open(file: string): Promise<void> {
  const { failed, code } = await execa("xdg-open", [file], { reject: false, stdio: "ignore" });
  if (failed)
    throw new UserError(
      code === "ENOENT"
        ? "xdg-open is not installed, so the page was not shown; it is written"
        : "xdg-open could not show the page; it is written",
    );
}
