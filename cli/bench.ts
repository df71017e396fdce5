import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import writeFileAtomic from "write-file-atomic";
import { chartOf } from "../bench/chart.ts";
import { parseSpeed, type LineSpeed } from "../bench/line.ts";
import { readResult } from "../bench/read-result.ts";
import type { BenchResult } from "../bench/result.ts";
import { runBench } from "../bench/run.ts";
import { scenarios } from "../bench/scenarios.ts";
import { goalsOf } from "../bench/goals.ts";
import { markdownOf, secondsTable } from "../bench/table.ts";
import { ways } from "../bench/ways.ts";
import { full, quick } from "../bench/workload.ts";
import { UserError } from "../lib/errors.ts";
import { interruptible, StoppedError } from "./interrupts.ts";
import { createProgress } from "./progress.ts";

interface BenchCommandOptions {
  quick: boolean;
  only: string[];
  rounds?: number;
  line: string[];
  out: string;
  resume: boolean;
  json?: string;
  from?: string;
}

/** `npm run bench`: the guide's promises and this project's goals, measured on this machine. */
export function benchCommand(): Command {
  return new Command("npm run bench --")
    .description(
      [
        "Builds the same images in nine ways (the guide's before, the guide's own way, docker buildx bake, this stack; each with pip and with uv; this stack with packageCache), each on a fresh private engine, and says how long each took, what it fetched and what lies on the disk.",
        "Writes OUT/<mode>.md, .json and .svg. It needs root, and in TMPDIR 8 GB with --quick, 70 GB and hours without. Ctrl-C keeps what was measured, marked as partial, and leaves nothing else.",
        "Exit code 1 where a scenario failed (its reason is in the table), 130 after Ctrl-C.",
      ].join("\n"),
    )
    .option("--quick", "small stand-ins for torch and the services: minutes, not hours", false)
    .option(
      "--only <id...>",
      `some ways or scenarios (with the first build, on which they stand). Ways: ${ids(ways)}. Scenarios: ${ids(scenarios)}`,
      [],
    )
    .addOption(
      new Option(
        "--rounds <number>",
        "how often all of it runs at full speed (default: 1 with --quick, else 3); slower lines once",
      ).argParser(count),
    )
    .option("--line <speed...>", "speeds of the line to the outside: full, or one such as 100mbit", [
      "full",
      "100mbit",
      "20mbit",
    ])
    .option("--out <folder>", "where Markdown, JSON and chart go", ".bench")
    .option(
      "--resume",
      "go on with the result in OUT: measure only what it has not, and what has failed there",
      false,
    )
    .option("--json <file>", "write the result there as well")
    .option("--from <file>", "measure nothing: make Markdown and chart from an earlier result")
    .action(bench);
}

async function bench(options: BenchCommandOptions): Promise<void> {
  if (options.from !== undefined) return show(readResult(options.from), options);
  const workload = options.quick ? quick : full;
  const rounds = options.rounds ?? (options.quick ? 1 : 3);
  const lines = speeds(options.line);
  const file = join(options.out, `${workload.kind}.json`);
  const earlier = options.resume && existsSync(file) ? readResult(file) : undefined;
  const progress = createProgress();
  try {
    const result = await interruptible(async (signal) =>
      runBench({
        workload,
        rounds,
        only: options.only,
        lines,
        ...(earlier && { earlier }),
        signal,
        onStep: (name, detail) => progress.step(name, detail),
        onDone: (name) => progress.done(name),
        onProgress: (partial) => write(options, `${partial.kind}.json`, json(partial)),
      }),
    );
    progress.stop();
    show(result, options);
    if (result.partial) throw new StoppedError();
    if (result.measurements.some(({ failed, impossible }) => failed !== undefined && !impossible))
      process.exitCode = 1;
  } finally {
    progress.stop();
  }
}

/** Writes the three files, and prints the heart of them. */
function show(result: BenchResult, options: BenchCommandOptions): void {
  write(options, `${result.kind}.json`, json(result));
  write(options, `${result.kind}.md`, markdownOf(result));
  write(options, `${result.kind}.svg`, chartOf(result));
  if (options.json !== undefined) writeFileAtomic.sync(options.json, json(result));
  console.log(`${secondsTable(result, result.lines[0] ?? "")}\n`);
  for (const { goal, verdict, why } of goalsOf(result)) console.log(`${verdict.padEnd(12)} ${goal}: ${why}`);
  console.log(
    `\n${result.partial ? "Partial: stopped before all of it was measured. " : ""}All of it: ${join(options.out, `${result.kind}.md`)}`,
  );
}

function write({ out }: BenchCommandOptions, name: string, text: string): void {
  mkdirSync(out, { recursive: true });
  writeFileAtomic.sync(join(out, name), text);
}

function json(result: BenchResult): string {
  return `${JSON.stringify(result, undefined, 1)}\n`;
}

function count(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 to 99.");
  return Number(text);
}

/** @throws UserError naming what is no speed */
function speeds(texts: string[]): LineSpeed[] {
  const wrong = texts.filter((text) => !parseSpeed(text));
  if (wrong.length > 0)
    throw new UserError(`--line ${wrong.join(", ")}: it must be "full" or a speed such as 100mbit.`);
  return texts.flatMap((text) => parseSpeed(text) ?? []);
}

function ids(list: readonly { id: string }[]): string {
  return list.map(({ id }) => id).join(", ");
}
