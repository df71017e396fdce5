import type { Disk, Report } from "../types.ts";
import { bar, size } from "./format.ts";
import { html, type Html } from "./html.ts";

const kinds = ["step", "export", "pull", "smoke"];

/** What takes room, with the limits that hold. */
export function diskSection({ disk }: Report): Html {
  return html`<section id="disk" aria-labelledby="disk-title">
    <h2 id="disk-title">Disk</h2>
    ${disk ? diskParts(disk) : html`<p>Not known: the engine did not answer.</p>`}
  </section>`;
}

function diskParts({ parts, free, total, cache }: Disk): Html {
  const used = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const whole = total ?? used;
  const rest = total === undefined || free === undefined ? 0 : Math.max(0, total - free - used);
  return html`<p>
      ${size(used)} are this
      engine's${
        total !== undefined &&
        free !== undefined &&
        html`, on a disk of ${size(total)} of which ${size(free)} are free`
      }.
    </p>
    <div class="stack" aria-hidden="true">
      ${parts.map(
        ({ bytes }, index) => html`<i class="${kinds[index]}" style="width:${share(bytes, whole)}%"></i>`,
      )}<i class="cached" style="width:${share(rest, whole)}%"></i>
    </div>
    <div class="wide">
      <table class="cards">
        <thead>
          <tr>
            <th>what</th>
            <th class="number">takes</th>
            <th>of its limit</th>
          </tr>
        </thead>
        <tbody>
          ${parts.map(
            ({ what, bytes, limit, limitedBy }, index) =>
              html`<tr>
                <th scope="row"><i class="swatch ${kinds[index]}"></i>${what}</th>
                <td class="number" data-label="takes">${size(bytes)}</td>
                <td data-label="of its limit">
                  ${
                    limit === undefined
                      ? html`no limit is set`
                      : html`<span
                          >${bar(limit > 0 ? bytes / limit : 1, bytes > limit ? "failed" : kinds[index]!)}
                          ${size(limit)} <small>${limitedBy}</small></span
                        >`
                  }
                </td>
              </tr>`,
          )}${
            rest > 0 &&
            html`<tr>
              <th scope="row"><i class="swatch cached"></i>other files on this disk</th>
              <td class="number" data-label="takes">${size(rest)}</td>
              <td></td>
            </tr>`
          }
        </tbody>
      </table>
    </div>
    ${
      cache &&
      html`<p>
        The registry cache has answered ${cache.hits} of ${cache.requests} requests by itself since it
        started, and pulled ${size(cache.pulledBytes)} from its upstream.
      </p>`
    }`;
}

function share(bytes: number, whole: number): string {
  return (whole > 0 ? (bytes / whole) * 100 : 0).toFixed(2);
}

/** What a prune would remove. */
export function pruneSection({ prune }: Report): Html {
  const words = !prune
    ? html`<p>Not known: the engine did not answer.</p>`
    : html`<p>
          ${
            prune.items.length === 0
              ? "Nothing: all that is on this engine is needed, or young."
              : html`<code>${prune.command}</code> would free ${size(prune.bytes)}.`
          }
        </p>
        ${
          prune.items.length > 0 &&
          html`<div class="wide">
            <table class="cards">
              <thead>
                <tr>
                  <th>what</th>
                  <th class="number">frees</th>
                  <th>why</th>
                </tr>
              </thead>
              <tbody>
                ${prune.items.map(
                  ({ kind, name, bytes, why }) =>
                    html`<tr>
                      <th scope="row">${kind}<small>${name}</small></th>
                      <td class="number" data-label="frees">${size(bytes)}</td>
                      <td data-label="why">${why}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
        }
        ${
          prune.notes.length > 0 &&
          html`<details>
            <summary>What stays although somebody might expect it to go</summary>
            <ul>
              ${prune.notes.map((note) => html`<li>${note}</li>`)}
            </ul>
          </details>`
        }`;
  return html`<section id="prune" aria-labelledby="prune-title">
    <h2 id="prune-title">What could be pruned</h2>
    ${words}
  </section>`;
}
