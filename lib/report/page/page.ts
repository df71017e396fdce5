import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Report } from "../types.ts";
import { clientScript } from "./client-script.ts";
import { diskSection, pruneSection } from "./disk.ts";
import { html, Html } from "./html.ts";
import { imagesSection, patchesSection } from "./images.ts";
import { layersSection } from "./layers.ts";
import { adviceSection, overview } from "./overview.ts";

/** The report as one page that needs nothing from outside: style, script, chart library and data are in it. */
export async function reportPage(report: Report): Promise<string> {
  const [style, script] = await Promise.all([
    readFile(join(import.meta.dirname, "style.css"), "utf8"),
    clientScript(),
  ]);
  const data = JSON.stringify(report).replace(/</g, "\\u003c");
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
        />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>Where did my time go: ${report.stack}</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <a class="skip" href="#content">To the content</a>
        <nav aria-label="Sections">
          <div>${sections.map(([id, title]) => html`<a href="#${id}">${title}</a>`)}</div>
        </nav>
        <main id="content">
          ${overview(report)} ${adviceSection(report)} ${timelineSection} ${historySection}
          ${imagesSection(report)} ${layersSection(report)} ${diskSection(report)} ${pruneSection(report)}
          ${patchesSection(report)}
        </main>
        <footer>
          Made by <code>npm run report</code>. This page loads nothing;
          <code>npm run report -- --json</code> prints its data.
        </footer>
        <script type="application/json" id="data">
          ${new Html(data)}
        </script>
        <script>
          ${new Html(script)};
        </script>
      </body>
    </html> `;
  return page.text;
}

const sections: [id: string, title: string][] = [
  ["advice", "What would help"],
  ["timeline", "Timeline"],
  ["history", "History"],
  ["images", "Images"],
  ["layers", "Layers"],
  ["disk", "Disk"],
  ["prune", "Prune"],
  ["patches", "Patches"],
];

const legend: [kind: string, words: string][] = [
  ["step", "step that ran"],
  ["cached", "from the cache"],
  ["pull", "fetching a base"],
  ["export", "storing the image"],
  ["context", "reading files"],
  ["smoke", "smoke test"],
  ["failed", "failed"],
];

/** Filled by the script: it depends on the run that is chosen. */
const timelineSection = html`<section id="timeline" aria-labelledby="timeline-title">
  <div class="heading">
    <h2 id="timeline-title">Timeline</h2>
    <label
      >Run
      <select id="run"></select
    ></label>
  </div>
  <p id="run-words" aria-live="polite"></p>
  <figure>
    <div class="chart" id="timeline-chart" role="img" aria-labelledby="timeline-title run-words"></div>
    <figcaption class="legend">
      ${legend.map(([kind, words]) => html`<span><i class="swatch ${kind}"></i>${words}</span>`)}
    </figcaption>
  </figure>
  <div class="wide"><table id="run-images"></table></div>
  <details>
    <summary>Every step, the slowest first</summary>
    <div class="wide"><table id="run-steps"></table></div>
  </details>
</section>`;

const historySection = html`<section id="history" aria-labelledby="history-title">
  <h2 id="history-title">History</h2>
  <p>
    Build time of each run by image, and below it how much of each build came from the cache. A click on a bar
    shows its run above.
  </p>
  <figure><div class="chart" id="history-chart" role="img" aria-labelledby="history-title"></div></figure>
  <details>
    <summary>As a table</summary>
    <div class="wide"><table id="history-table"></table></div>
  </details>
</section>`;
