import prettyBytes from "pretty-bytes";
import type { Report, Run } from "../../types.ts";
import { hitRateOf, inWords, percent, shortStep } from "../../words.ts";
import { shortDate } from "./history.ts";

/** A cell, with a class where it is a number. */
type Cell = string | { number: string };

/** Fills a table; its first column names the row. */
export function fill(id: string, head: string[], rows: Cell[][]): void {
  const table = document.getElementById(id) as HTMLTableElement;
  table.className = "cards";
  const titles = element("tr", ...head.map((title, index) => cell("th", title, isNumber(rows[0]?.[index]))));
  const body = rows.map((row) =>
    element(
      "tr",
      ...row.map((value, index) => {
        const made = cell(index === 0 ? "th" : "td", textOf(value), isNumber(value));
        if (index === 0) made.setAttribute("scope", "row");
        else made.dataset["label"] = head[index] ?? "";
        return made;
      }),
    ),
  );
  table.replaceChildren(element("thead", titles), element("tbody", ...body));
}

/** What a run did, image by image. */
export function fillRun({ images, result }: Run): void {
  fill(
    "run-images",
    ["image", "result", "why", "built", "from the cache", "slowest", "pulled"],
    images.map((image) => {
      const all = image.cachedSteps + image.ranSteps;
      return [
        image.image,
        image.error === undefined ? image.result : `${image.result}: ${image.error.split("\n")[0]}`,
        image.reasons.join(", "),
        { number: image.buildSeconds > 0 ? inWords(image.buildSeconds) : "" },
        { number: all > 0 ? `${image.cachedSteps} of ${all} steps` : "" },
        image.slowest ? `${inWords(image.slowest.seconds)}: ${shortStep(image.slowest.what, 70)}` : "",
        { number: image.pulledBytes > 0 ? prettyBytes(image.pulledBytes) : "" },
      ];
    }),
  );
  const steps = images.flatMap(({ image, spans }) => spans.map((span) => ({ image, ...span })));
  fill(
    "run-steps",
    ["step", "image", "took", "began after"],
    [...steps]
      .sort((a, b) => b.seconds - a.seconds || a.start - b.start)
      .map(({ what, kind, image, seconds, start }) => [
        shortStep(what, 160),
        image,
        { number: kind === "cached" ? "from the cache" : inWords(seconds) },
        { number: inWords(start) },
      ]),
  );
  document.getElementById("timeline")!.dataset["result"] = result;
}

/** The history as figures. */
export function fillHistory({ runs }: Report): void {
  fill(
    "history-table",
    ["run", "took", "from the cache", "built"],
    [...runs].reverse().map((run) => {
      const rate = hitRateOf(run.images);
      const built = run.images.filter(({ result }) => result === "built");
      return [
        shortDate(run.began),
        { number: inWords(run.seconds) },
        { number: rate === undefined ? "–" : percent(rate) },
        built.map(({ image, buildSeconds }) => `${image} ${inWords(buildSeconds)}`).join(", "),
      ];
    }),
  );
}

function cell(name: "td" | "th", text: string, isNumeric: boolean): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  if (isNumeric) made.className = "number";
  return made;
}

function element(name: string, ...children: HTMLElement[]): HTMLElement {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function isNumber(value: Cell | undefined): boolean {
  return typeof value === "object";
}

function textOf(value: Cell): string {
  return typeof value === "object" ? value.number : value;
}
