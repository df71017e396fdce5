import { failureOf, figuresOf, type Figures } from "./figures.ts";
import { goalsOf } from "./goals.ts";
import { promisesOf } from "./promises.ts";
import type { BenchResult } from "./result.ts";
import { scenarios, type ScenarioId } from "./scenarios.ts";
import { ways, type WayId } from "./ways.ts";
import { bytesInWords, secondsInWords } from "./words.ts";

/** The whole result as Markdown. */
export function markdownOf(result: BenchResult): string {
  const [first = "", ...slower] = result.lines.filter((line) => columnsOn(result, line).length > 0);
  return [
    `# Benchmark, ${result.kind} mode, ${result.started.slice(0, 10)}`,
    ...(result.partial ? ["**Partial: the run was stopped before all of it was measured.**"] : []),
    `Made by \`npm run bench${result.kind === "quick" ? " -- --quick" : ""}\`. Each way ran on a fresh engine of its own. Ratios in brackets are to "before" with the same installer. Smoke tests of this stack are not in the seconds; they have a column.`,
    `## Seconds, ${first}`,
    secondsTable(result, first),
    "## Bytes from outside",
    bytesTable(result, first),
    "## Disk",
    diskTable(result, first),
    ...slower.flatMap((line) => [`## Seconds, ${line}`, secondsTable(result, line)]),
    "## Goals",
    goalTable(result),
    "## The guide's promises",
    promiseTable(result),
    "## Where this stack is slower",
    slowerWords(result),
    "## What is timed",
    list(scenarios.map(({ title, what }) => `**${title}**: ${what}.`)),
    "## Ways",
    list(ways.map(({ title, what }) => `**${title}**: ${what}.`)),
    "",
  ].join("\n\n");
}

/** The one line that stands below each table. */
export function caption(result: BenchResult, line: string): string {
  const { cpu, cores, memoryBytes, os, engine, imageStore, load } = result.machine;
  const isOnce = result.rounds === 1 || line !== result.lines[0];
  const rounds = isOnce ? "one round" : `medians of ${result.rounds} rounds`;
  const machine = `${cores} × ${cpu}, ${Math.round(memoryBytes / 1e9)} GB, ${os}, Docker ${engine}, ${imageStore}, load ${load} when it began`;
  return `_${machine}; ${line}; ${rounds}. Stand-ins: ${result.standIns.join(", ")}._`;
}

/** Rows are scenarios, columns the ways. */
export function secondsTable(result: BenchResult, line: string): string {
  const smoke = (scenario: ScenarioId) => {
    const seconds = figuresOf(result, "stack-uv", scenario, line)?.smokeSeconds ?? 0;
    return seconds > 0 ? secondsInWords(seconds) : "";
  };
  const columns = columnsOn(result, line);
  const rows = playedOn(result, line).map(({ id, title }) => [
    title,
    ...columns.map((way) =>
      cell(result, way.id, id, line, (figures) => secondsCell(result, way.id, id, line, figures)),
    ),
    smoke(id),
  ]);
  return withCaption(table(["", ...columns.map(({ title }) => title), "smoke tests"], rows), result, line);
}

function secondsCell(
  result: BenchResult,
  way: WayId,
  scenario: ScenarioId,
  line: string,
  own: Figures,
): string {
  const words = own.outcome ? `${secondsInWords(own.seconds)}, ${own.outcome}` : secondsInWords(own.seconds);
  const installer = ways.find(({ id }) => id === way)!.installer;
  const before = figuresOf(result, `before-${installer}`, scenario, line);
  if (!before || way.startsWith("before") || own.outcome) return words;
  return `${words} (${(own.seconds / before.seconds).toFixed(2)})`;
}

/** Images, then packages: one cache can help the first only, another the second. */
function bytesTable(result: BenchResult, line: string): string {
  const rows = playedOn(result, line).map(({ id, title }) => [
    title,
    ...columnsOn(result, line).map((way) =>
      cell(result, way.id, id, line, ({ outside: { images, python, debian, other } }) => {
        const packages = python + debian + other;
        return `${bytesInWords(images)} + ${bytesInWords(packages)}`;
      }),
    ),
  ]);
  const head = ["images + packages", ...columnsOn(result, line).map(({ title }) => title)];
  return withCaption(table(head, rows), result, line);
}

function diskTable(result: BenchResult, line: string): string {
  const at = (title: string, scenario: ScenarioId, pick: (figures: Figures) => number): string[] => [
    title,
    ...columns.map((way) => cell(result, way.id, scenario, line, (figures) => bytesInWords(pick(figures)))),
  ];
  const columns = columnsOn(result, line);
  const unique = ({ uniqueBytes }: Figures) => uniqueBytes;
  const rows = [
    at("largest image", "first-build", ({ largestImageBytes }) => largestImageBytes),
    at("image layers, each once, after the first build", "first-build", unique),
    at("after four changes and with one more service", "one-more-service", unique),
    at("after all was built anew, with three CUDA versions", "second-stack", unique),
    at("build cache beside the images", "first-build", ({ buildCacheBytes }) => buildCacheBytes),
  ];
  return withCaption(table(["", ...columns.map(({ title }) => title)], rows), result, line);
}

function goalTable(result: BenchResult): string {
  const rows = goalsOf(result).map(({ goal, verdict, why }) => [goal, verdict, why]);
  return withCaption(table(["goal", "", "measured"], rows), result, result.lines[0] ?? "");
}

function promiseTable(result: BenchResult): string {
  const rows = promisesOf(result).map(({ promise, guide, stack }) => [promise, guide, stack]);
  const note =
    result.kind === "quick"
      ? "Sizes and bytes of stand-ins say little about torch; the full mode says more."
      : "Torch 2.7.1 with its CUDA libraries is 5.4 GB unpacked and 2.9 GB to download: a runtime base of 4 GB, and images 40 % smaller than one that holds it, cannot be.";
  return `${withCaption(table(["the guide's promise", "the guide's way", "this stack"], rows), result, result.lines[0] ?? "")}\n\n${note}`;
}

/** Every scenario in which another way was more than 5 % and half a second quicker. */
function slowerWords(result: BenchResult): string {
  const found = result.lines.flatMap((line) =>
    scenarios.flatMap(({ id, title }) => {
      const own = figuresOf(result, "stack-uv", id, line);
      if (!own || own.outcome) return [];
      const quicker = ways.flatMap((way) => {
        const other = figuresOf(result, way.id, id, line);
        const isQuicker = other && own.seconds > other.seconds * 1.05 && own.seconds > other.seconds + 0.5;
        return isQuicker && way.tool !== "stack" ? [`${way.title} ${secondsInWords(other.seconds)} s`] : [];
      });
      return quicker.length > 0
        ? [`${title}, ${line}: ${secondsInWords(own.seconds)} s; ${quicker.join(", ")}.`]
        : [];
    }),
  );
  return found.length > 0 ? list(found) : "Nowhere in this run.";
}

/** The ways that were played on a line. */
function columnsOn(result: BenchResult, line: string) {
  return ways.filter(({ id }) => result.measurements.some((one) => one.line === line && one.way === id));
}

/** The scenarios that were played on a line. */
function playedOn(result: BenchResult, line: string) {
  return scenarios.filter(({ id }) =>
    result.measurements.some((one) => one.line === line && one.scenario === id),
  );
}

function cell(
  result: BenchResult,
  way: WayId,
  scenario: ScenarioId,
  line: string,
  words: (figures: Figures) => string,
): string {
  const figures = figuresOf(result, way, scenario, line);
  if (figures) return words(figures);
  const failure = failureOf(result, way, scenario, line);
  if (!failure) return "–";
  return `${failure.impossible ? "impossible" : "failed"}: ${(failure.failed ?? "").slice(0, 120)}`;
}

function withCaption(text: string, result: BenchResult, line: string): string {
  return `${text}\n\n${caption(result, line)}`;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function list(lines: string[]): string {
  return lines.map((text) => `- ${text}`).join("\n");
}
