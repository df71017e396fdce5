import type { ImageRun, Report, Run } from "../types.ts";
import { fewOf, hitRateOf, inWords, percent, shortStep } from "../words.ts";
import { moment, size } from "./format.ts";
import { html, type Html } from "./html.ts";

/** Title, one sentence that answers it, and the figures that people look for first. */
export function overview(report: Report): Html {
  const run = lastBuild(report);
  return html`<header>
    <p class="eyebrow">
      Stack ${report.stack}${report.engine && html` · ${report.engine}`} · ${moment(report.made)}
    </p>
    <h1>Where did my time go?</h1>
    <p class="lead">
      ${run ? answer(run) : "No run of this stack has built an image since its history began."}
    </p>
    ${report.notes.map((note) => html`<p class="note" role="note">${note}</p>`)}
    <dl class="tiles">${tiles(report, run)}</dl>
  </header>`;
}

/** The newest run in which something was built. */
function lastBuild({ runs }: Report): Run | undefined {
  return runs.findLast(({ images }) => images.some(({ result }) => result === "built"));
}

function answer(run: Run): Html {
  const built = run.images.filter(({ result }) => result === "built");
  const rate = hitRateOf(built);
  const slowest = slowestOf(built);
  const names = fewOf(built.map(({ image }) => image));
  return html`The last build took <b>${inWords(run.seconds)}</b> and made
    ${names}${rate !== undefined && html`; <b>${percent(rate)}</b> of the steps came from the cache`}.
    ${
      slowest &&
      html`Longest: <b>${inWords(slowest.seconds)}</b> for <code>${shortStep(slowest.what, 80)}</code> in
        ${slowest.image}.`
    }`;
}

function slowestOf(images: ImageRun[]): { image: string; what: string; seconds: number } | undefined {
  return images
    .flatMap(({ image, slowest }) => (slowest ? [{ image, ...slowest }] : []))
    .sort((a, b) => b.seconds - a.seconds)[0];
}

function tiles({ disk, prune, patches, runs }: Report, run: Run | undefined): Html[] {
  const oldest = [...patches].sort((a, b) => b.days - a.days)[0];
  const used = disk?.parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const rate = hitRateOf(runs.slice(-10).flatMap(({ images }) => images));
  const cache = disk?.cache;
  return [
    ...(run ? [tile("Last build", inWords(run.seconds), moment(run.began))] : []),
    ...(rate !== undefined ? [tile("Steps from the cache", percent(rate), "in the last ten runs")] : []),
    ...(used !== undefined
      ? [tile("On the disk", size(used), disk!.free === undefined ? "" : `${size(disk!.free)} free`)]
      : []),
    ...(prune && prune.bytes > 0
      ? [tile("Needed by nobody", size(prune.bytes), html`<a href="#prune">what and why</a>`)]
      : []),
    ...(cache
      ? [
          tile(
            "Registry cache",
            percent(cache.hits / cache.requests),
            html`of ${cache.requests} requests since ${moment(cache.since)}; ${size(cache.pulledBytes)} from
            outside`,
          ),
        ]
      : []),
    ...(oldest
      ? [
          tile(
            "Distribution's patches",
            `${oldest.days} ${oldest.days === 1 ? "day" : "days"}`,
            `old in ${oldest.image}`,
          ),
        ]
      : []),
  ];
}

function tile(title: string, figure: string, words: string | Html): Html {
  return html`<div>
    <dt>${title}</dt>
    <dd class="figure">${figure}</dd>
    <dd>${words}</dd>
  </div>`;
}

/** What would save time or room, each with what it was measured by. */
export function adviceSection({ advice }: Report): Html {
  return html`<section id="advice" aria-labelledby="advice-title">
    <h2 id="advice-title">What would help</h2>
    ${
      advice.length === 0
        ? html`<p>
            Nothing stands out: no step ran again for a reason that another order of the Dockerfile would
            avoid, and there is little to prune.
          </p>`
        : html`<ol class="advice">
            ${advice.map(
              ({ line, fix, seconds, bytes }) =>
                html`<li>
                  <span class="cost"
                    >${
                      seconds !== undefined ? inWords(seconds) : bytes !== undefined ? size(bytes) : "old"
                    }</span
                  >
                  <div>
                    <p>${line}</p>
                    <p class="fix">${fix}</p>
                  </div>
                </li>`,
            )}
          </ol>`
    }
  </section>`;
}
