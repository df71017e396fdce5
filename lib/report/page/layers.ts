import type { LayerGroup, Report } from "../types.ts";
import { shortStep } from "../words.ts";
import { bar, size } from "./format.ts";
import { html, type Html } from "./html.ts";

/** Layers as a tree: each group of layers once, with the images that share it. */
export function layersSection({ layers, engine }: Report): Html {
  const total = layers.reduce((sum, group) => sum + bytesBelow(group), 0);
  const shared = layers.reduce((sum, group) => sum + sharedBelow(group), 0);
  const words = engine
    ? html`<p>
          The images of this stack take <b>${size(total)}</b>, each layer counted once;
          <b>${size(shared)}</b> of it belongs to several images.
        </p>
        <ul class="tree">
          ${layers.flatMap((group) => groupItems(group, total))}
        </ul>
        <p class="legend">
          <span><i class="swatch step"></i>shared</span
          ><span><i class="swatch smoke"></i>of one image alone</span>
        </p>`
    : html`<p>Not known: the engine did not answer.</p>`;
  return html`<section id="layers" aria-labelledby="layers-title">
    <h2 id="layers-title">Layers</h2>
    ${words}
  </section>`;
}

/** A group of layers without a byte, such as WORKDIR's, is not worth a line; what stands on it takes its place. */
function groupItems(group: LayerGroup, total: number): Html[] {
  if (group.bytes > 0) return [groupItem(group, total)];
  return group.children.flatMap((child) => groupItems(child, total));
}

function groupItem(group: LayerGroup, total: number): Html {
  const { images, others, bytes, layers, children } = group;
  const kind = isShared(group) ? "step" : "smoke";
  const filled = layers.filter((layer) => layer.bytes > 0);
  return html`<li>
    <details>
      <summary>
        <span class="what"
          ><b>${size(bytes)}</b> ${images.join(", ")}${
            others > 0 && html` <small>and ${others} more on this engine</small>`
          }</span
        >${bar(total > 0 ? bytes / total : 0, kind)}
      </summary>
      <table>
        <tbody>
          ${filled.map(
            (layer) =>
              html`<tr>
                <td class="number">${size(layer.bytes)}</td>
                <td><code>${instruction(layer.made)}</code></td>
              </tr>`,
          )}
        </tbody>
      </table>
    </details>
    ${
      children.length > 0 &&
      html`<ul>
        ${children.flatMap((child) => groupItems(child, total))}
      </ul>`
    }
  </li>`;
}

function isShared({ images, others }: LayerGroup): boolean {
  return images.length + others > 1;
}

function bytesBelow({ bytes, children }: LayerGroup): number {
  return children.reduce((sum, child) => sum + bytesBelow(child), bytes);
}

function sharedBelow(group: LayerGroup): number {
  return group.children.reduce((sum, child) => sum + sharedBelow(child), isShared(group) ? group.bytes : 0);
}

/** `docker history` shows RUN with its shell and a mark of BuildKit. */
function instruction(made: string): string {
  const plain = made
    .replace(/^RUN (\|\d+ .*?)?\/bin\/(ba)?sh (-\w+ )*-c /, "RUN ")
    .replace(/ # buildkit$/, "");
  return plain === "" ? "unknown" : shortStep(plain, 140);
}
