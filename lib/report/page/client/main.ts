import type { Report, Run } from "../../types.ts";
import { fewOf, hitRateOf, inWords, percent } from "../../words.ts";
import { chart } from "./charts.ts";
import { graph } from "./graph.ts";
import { busiest, history, shortDate } from "./history.ts";
import { fillHistory, fillRun } from "./tables.ts";
import { timeline } from "./timeline.ts";

const report = JSON.parse(document.getElementById("data")!.textContent) as Report;
const built = report.runs.filter(({ images }) => images.some(({ result }) => result === "built"));

let shown: Run = built.at(-1) ?? report.runs.at(-1)!;
const choice = document.getElementById("run") as HTMLSelectElement;
choice.append(
  ...[...report.runs].reverse().map((run) => new Option(titleOf(run), run.id, false, run.id === shown.id)),
);

const drawn = chart("timeline-chart", (theme, width) => timeline(shown, theme, width));
show(shown);
choice.addEventListener("change", () => show(report.runs.find(({ id }) => id === choice.value)!));

const bars = chart("history-chart", (theme) => history(built, busiest(built), theme));
bars.instance().on("click", ({ dataIndex }) => {
  show(built[dataIndex]!);
  document.getElementById("timeline")!.scrollIntoView();
});
fillHistory(report);
chart("graph-chart", (theme, width) => graph(report.images, theme, width));

/** Shows one run in the timeline and the tables below it. */
function show(run: Run): void {
  shown = run;
  choice.value = run.id;
  document.getElementById("run-words")!.textContent = wordsOf(run);
  drawn.redraw();
  fillRun(run);
}

function titleOf({ began, seconds, images }: Run): string {
  const made = images.filter(({ result }) => result === "built").map(({ image }) => image);
  return `${shortDate(began)}: ${inWords(seconds)}, ${made.length > 0 ? fewOf(made) : "nothing built"}`;
}

function wordsOf({ seconds, images, result }: Run): string {
  const working = images.reduce(
    (sum, { buildSeconds, smokeSeconds }) => sum + buildSeconds + smokeSeconds,
    0,
  );
  const rate = hitRateOf(images);
  return [
    `${inWords(seconds)} in all`,
    ...(working > seconds ? [`${inWords(working)} of work side by side`] : []),
    ...(rate === undefined ? [] : [`${percent(rate)} of the steps from the cache`]),
    ...(result === "failed" || result === "stopped" ? [result] : []),
  ].join("; ");
}
