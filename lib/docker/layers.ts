import type { Engine } from "./engine.ts";

/** One layer of an image on the disk. */
export interface Layer {
  /** The layer with everything below it: two images share a layer only where all below is shared too. */
  chain: string;
  bytes: number;
  /** The instruction that made it, as `docker history` has it. */
  made?: string;
}

/** One image with its layers, lowest first. */
export interface LayeredImage {
  id: string;
  layers: Layer[];
}

/** One line of `docker history`: an instruction, whether it made a layer or not. */
export interface HistoryLine {
  CreatedBy: string;
  Size: number;
}

interface ImageAnswer {
  Id: string;
  RootFS?: { Layers?: string[] };
}

/** Layers of the images with these IDs; one that vanishes meanwhile is left out. */
export async function layersOnEngine(ids: string[], engine: Engine): Promise<LayeredImage[]> {
  const found: LayeredImage[] = [];
  const queue = [...new Set(ids)];
  const worker = async (): Promise<void> => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      const [image, history] = await Promise.all([
        engine.askIfThere<ImageAnswer>({ path: `/images/${id}/json` }),
        engine.askIfThere<HistoryLine[]>({ path: `/images/${id}/history` }),
      ]);
      if (image && history) found.push({ id, layers: layersOf(image.RootFS?.Layers ?? [], history) });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return found;
}

/** Instructions that only change the image's configuration, as BuildKit and the classic builder write them. */
const withoutLayer =
  /^(\/bin\/sh -c #\(nop\) +)?(ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b/;

/**
 * Brings the digests of the layers, lowest first, and the sizes of `docker history`, newest first, together. History has
 * lines without a layer; their size is 0, like that of a layer that changed nothing, and only their words tell the two apart.
 */
export function layersOf(digests: string[], history: HistoryLine[]): Layer[] {
  const lines = [...history]
    .reverse()
    .filter(({ Size, CreatedBy }) => Size > 0 || !withoutLayer.test(CreatedBy));
  // Still too many lines: the last ones of size 0 are those without a layer. Too few: the layers at the top are empty.
  for (let index = lines.length - 1; lines.length > digests.length && index >= 0; index--)
    if (lines[index]!.Size === 0) lines.splice(index, 1);
  let chain = "";
  return digests.map((digest, index) => {
    chain = index === 0 ? digest : `${chain} ${digest}`;
    const { Size = 0, CreatedBy } = lines[index] ?? {};
    return { chain, bytes: Size, ...(CreatedBy && { made: CreatedBy }) };
  });
}

/** Bytes of all layers of these images, each counted once. */
export function bytesOfLayers(images: LayeredImage[]): number {
  return [...layersByChain(images).values()].reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * What the disk gets back when these images go, one after the other: a layer that several of them share counts for the
 * last one. Layers of images that stay do not count.
 * @returns bytes by image ID, in the order given
 */
export function bytesByRemoval(images: LayeredImage[], removed: string[]): Map<string, number> {
  const order = new Map(removed.map((id, index) => [id, index]));
  const last = new Map<string, number>();
  for (const { id, layers } of images)
    for (const { chain } of layers)
      last.set(chain, Math.max(last.get(chain) ?? -1, order.get(id) ?? Number.POSITIVE_INFINITY));
  const byId = new Map(images.map((image) => [image.id, image]));
  return new Map(
    removed.map((id, index) => [
      id,
      (byId.get(id)?.layers ?? [])
        .filter(({ chain }) => last.get(chain) === index)
        .reduce((sum, { bytes }) => sum + bytes, 0),
    ]),
  );
}

function layersByChain(images: LayeredImage[]): Map<string, number> {
  return new Map(images.flatMap(({ layers }) => layers.map(({ chain, bytes }) => [chain, bytes] as const)));
}
