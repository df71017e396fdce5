import type { Disk, DiskPart, DiskVolume, Report } from "../types.ts";
import { bar, moment, size } from "./format.ts";
import { html, type Html } from "./html.ts";

/** Classes of the style sheet that give each part its colour. */
const colors: Record<DiskPart["kind"], string> = {
  images: "step",
  "earlier-versions": "export",
  "build-cache": "pull",
  "registry-cache": "smoke",
  "package-cache": "context",
  "build-cache-registry": "c6",
  "other-volumes": "c7",
};

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
      This engine's images and build cache and this stack's caches take
      ${size(used)}${
        total !== undefined &&
        free !== undefined &&
        html`, on a disk of ${size(total)} of which ${size(free)} are free`
      }.
    </p>
    <div class="stack" aria-hidden="true">
      ${parts.map(
        ({ kind, bytes }) => html`<i class="${colors[kind]}" style="width:${share(bytes, whole)}%"></i>`,
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
            ({ kind, what, bytes, limit, limitedBy, volumes = [] }) =>
              html`<tr>
                <th scope="row">
                  <i class="swatch ${colors[kind]}"></i>${what}
                  ${(volumes.length > 1 || kind === "other-volumes") && pieces(volumes)}
                </th>
                <td class="number" data-label="takes">${size(bytes)}</td>
                <td data-label="of its limit">
                  ${
                    limit === undefined
                      ? html`no limit is set`
                      : html`<span
                          >${bar(limit > 0 ? bytes / limit : 1, bytes > limit ? "failed" : colors[kind])}
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
        Since ${moment(cache.since)} clients have asked for layers and manifests ${cache.requests} times;
        ${cache.hits} of the answers came from the registry cache's disk, and ${size(cache.pulledBytes)} from
        outside.
      </p>`
    }`;
}

function pieces(volumes: DiskVolume[]): Html {
  return html`<small
    >${volumes.map(({ name, of, bytes }) => `${of ?? name} ${size(bytes)}`).join(", ")}</small
  >`;
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
