import type { LayeredImage } from "../docker/layers.ts";
import type { LayerGroup } from "./types.ts";

/**
 * Layers of the stack's images as a tree: what stands lowest is at its root, and layers that the very same images have are
 * one group.
 * @param names image IDs of the stack's images as they are now, with the names of each
 */
export function layerTree(images: LayeredImage[], names: ReadonlyMap<string, string[]>): LayerGroup[] {
  const owners = new Map<string, Set<string>>();
  for (const { id, layers } of images)
    for (const { chain } of layers) owners.set(chain, (owners.get(chain) ?? new Set()).add(id));
  const roots: LayerGroup[] = [];
  /** The group that holds a chain, and who has the layers in it. */
  const groups = new Map<string, { group: LayerGroup; key: string }>();
  for (const { id, layers } of images) {
    if (!names.has(id)) continue;
    let parent: { group: LayerGroup; key: string } | undefined;
    for (const { chain, bytes, made } of layers) {
      const known = groups.get(chain);
      if (known) {
        parent = known;
        continue;
      }
      const ids = [...owners.get(chain)!];
      const key = ids.join(" ");
      let at = parent;
      if (at?.key !== key) {
        const own = ids.flatMap((owner) => names.get(owner) ?? []);
        const others = ids.filter((owner) => !names.has(owner)).length;
        at = { group: { images: own, others, bytes: 0, layers: [], children: [] }, key };
        (parent?.group.children ?? roots).push(at.group);
      }
      at.group.bytes += bytes;
      at.group.layers.push({ made: made ?? "", bytes });
      groups.set(chain, at);
      parent = at;
    }
  }
  return roots;
}

/** Sizes of one image in bytes. */
export interface ImageSizes {
  size: number;
  /** Of layers that no other image on the engine has. */
  unique: number;
  /** Of layers that none of its parents has. */
  adds: number;
}

/** Sizes of an image; undefined where the engine does not have it. */
export function sizesOfImage(images: LayeredImage[], id: string, parents: string[]): ImageSizes | undefined {
  const image = images.find((one) => one.id === id);
  if (!image) return undefined;
  const beside = (others: LayeredImage[]): number => {
    const elsewhere = new Set(others.flatMap(({ layers }) => layers.map(({ chain }) => chain)));
    return image.layers.reduce((sum, { chain, bytes }) => (elsewhere.has(chain) ? sum : sum + bytes), 0);
  };
  return {
    size: beside([]),
    unique: beside(images.filter((one) => one.id !== id)),
    adds: beside(images.filter((one) => one.id !== id && parents.includes(one.id))),
  };
}
