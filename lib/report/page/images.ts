import type { ImageSummary, Report } from "../types.ts";
import { fewOf, inWords, percent } from "../words.ts";
import { bar, moment, size } from "./format.ts";
import { html, type Html } from "./html.ts";

/** Every image with its figures, and how they stand on each other. */
export function imagesSection({ images }: Report): Html {
  return html`<section id="images" aria-labelledby="images-title">
    <h2 id="images-title">Images</h2>
    <div class="wide">
      <table class="cards">
        <thead>
          <tr>
            <th>image</th>
            <th>from the cache</th>
            <th class="number">builds</th>
            <th class="number">median build</th>
            <th class="number">size</th>
            <th class="number">nobody else's</th>
            <th>last time</th>
          </tr>
        </thead>
        <tbody>
          ${images.map(imageRow)}
        </tbody>
      </table>
    </div>
    <h3 id="graph-title">What stands on what</h3>
    <figure>
      <div class="chart" id="graph-chart" role="img" aria-labelledby="graph-title"></div>
      <figcaption>A circle's area is what the image adds to those that it stands on.</figcaption>
    </figure>
    <details>
      <summary>In words</summary>
      <ul>
        ${images.map(parentsLine)}
      </ul>
    </details>
  </section>`;
}

function imageRow(image: ImageSummary): Html {
  const { name, tags, builds, hitRate, medianSeconds, last, unique } = image;
  const rate =
    hitRate === undefined ? html`–` : html`<span>${bar(hitRate, "step")} ${percent(hitRate)}</span>`;
  return html`<tr>
    <th scope="row">${name}<small>${tags.join(", ")}</small></th>
    <td data-label="from the cache">${rate}</td>
    <td class="number" data-label="builds">${builds}</td>
    <td class="number" data-label="median build">
      ${medianSeconds === undefined ? "–" : inWords(medianSeconds)}
    </td>
    <td class="number" data-label="size">${image.size === undefined ? "–" : size(image.size)}</td>
    <td class="number" data-label="nobody else's">${unique === undefined ? "–" : size(unique)}</td>
    <td data-label="last time">
      ${last ? html`<span>${last.result}, ${moment(last.time)}<small>${fewOf(last.reasons)}</small></span>` : "never built here"}
    </td>
  </tr>`;
}

function parentsLine({ name, parents, externals }: ImageSummary): Html {
  const on = [...parents, ...externals];
  return html`<li>
    ${name} ${on.length > 0 ? `stands on ${on.join(", ")}` : "stands on nothing that is known"}
  </li>`;
}

/** How old the distribution's packages are. */
export function patchesSection({ patches }: Report): Html {
  return html`<section id="patches" aria-labelledby="patches-title">
    <h2 id="patches-title">The distribution's patches</h2>
    ${
      patches.length === 0
        ? html`<p>No image has a step that brings packages of its distribution.</p>`
        : html`<div class="wide">
            <table class="cards">
              <thead>
                <tr>
                  <th>image</th>
                  <th class="number">days old</th>
                  <th>known from</th>
                </tr>
              </thead>
              <tbody>
                ${patches.map(
                  ({ image, days, since, from }) =>
                    html`<tr>
                      <th scope="row">${image}</th>
                      <td class="number" data-label="days old">${days}</td>
                      <td data-label="known from">
                        ${
                          from === "build"
                            ? html`<span>its step with apt ran last on ${moment(since)}</span>`
                            : html`<span>the date in cuda-base/os-patches: ${since}</span>`
                        }
                      </td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}
