import type { LayeredImage } from "../docker/layers.ts";
import type { ImageEvent } from "../images/history-types.ts";
import { sizesOfImage } from "./layer-tree.ts";
import type { ImageSummary } from "./types.ts";

/** An image that the settings declare. */
export interface DeclaredImage {
  name: string;
  tags: string[];
}

/** What is on the engine, as far as the images' sizes go. */
export interface OnEngine {
  layers: LayeredImage[];
  /** Image ID by reference. */
  ids: ReadonlyMap<string, string>;
}

/** Every image of the stack over all its builds, parents first. */
export function summariesOf(
  declared: DeclaredImage[],
  events: ImageEvent[],
  engine: OnEngine | undefined,
): ImageSummary[] {
  const names = new Set(declared.map(({ name }) => name));
  const ids = new Map(
    events.flatMap(({ image, result, reference }) => {
      const id = result === "failed" ? undefined : engine?.ids.get(reference);
      return id === undefined ? [] : [[image, id] as const];
    }),
  );
  const summaries = declared.map(({ name, tags }) => {
    const own = events.filter(({ image }) => image === name);
    const good = own.filter(({ result }) => result !== "failed");
    const reference = good.at(-1)?.reference ?? "";
    const parts = Object.keys(good.findLast((event) => event.parts)?.parts ?? {});
    const built = good.filter(({ result }) => result === "built");
    const steps = built.flatMap((event) => event.steps);
    const parents = namesAfter("parent ", parts).filter((parent) => names.has(parent));
    const id = engine?.ids.get(reference);
    const last = own.at(-1);
    return {
      name,
      tags: good.at(-1)?.tags ?? tags,
      reference,
      parents,
      externals: namesAfter("external ", parts),
      builds: built.length,
      ...(steps.length > 0 && { hitRate: steps.filter(({ cached }) => cached).length / steps.length }),
      ...(built.length > 0 && { medianSeconds: median(built.map(({ buildSeconds }) => buildSeconds)) }),
      ...(last && { last: { time: last.time, result: last.result, reasons: last.reasons } }),
      ...(id !== undefined &&
        sizesOfImage(
          engine!.layers,
          id,
          parents.flatMap((parent) => ids.get(parent) ?? []),
        )),
    };
  });
  return parentsFirst(summaries);
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return sorted.length === 0 ? 0 : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function namesAfter(prefix: string, keys: string[]): string[] {
  return keys.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
}

function parentsFirst(images: ImageSummary[]): ImageSummary[] {
  const byName = new Map(images.map((image) => [image.name, image]));
  const found = new Set<ImageSummary>();
  const visit = (image: ImageSummary, above: string[]): void => {
    for (const parent of image.parents)
      if (!above.includes(parent)) visit(byName.get(parent)!, [...above, image.name]);
    found.add(image);
  };
  for (const image of images) visit(image, [image.name]);
  return [...found];
}
