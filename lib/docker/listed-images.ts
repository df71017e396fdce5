import type { Engine, EngineImage } from "./engine.ts";

/** One image of a list, which does not tell its layers. */
type ListedImage = Omit<EngineImage, "layers">;

/** What an engine has, from one answer. */
export interface ListedImages {
  /** Each image once, those without a name included. */
  images: ListedImage[];
  /** By every name, spelled as `docker images` does, and by ID. */
  byName: ReadonlyMap<string, ListedImage>;
}

/** Milliseconds that a list is believed: what other programs do meanwhile is in the next one. */
const believedFor = 1_000;

interface AskedList {
  /** Milliseconds, when it was asked for. */
  began: number;
  /** `imageChanges` of the engine then. */
  changes: number;
  list: Promise<ListedImages>;
}

const lists = new WeakMap<Engine, AskedList>();

/**
 * Every image of an engine, at most a second old: a refresh of 100 images asks for few lists in place of 100 images and
 * their names. What this process has done to an image before it asks is in the list (`Engine.imageChanges`).
 *
 * @throws as `Engine.imageList`; the next caller asks again.
 */
export function listedImages(engine: Engine): Promise<ListedImages> {
  const last = lists.get(engine);
  const now = performance.now();
  if (last && last.changes === engine.imageChanges && now - last.began < believedFor) return last.list;
  const asked: AskedList = { began: now, changes: engine.imageChanges, list: readList(engine) };
  lists.set(engine, asked);
  asked.list.catch(() => {
    if (lists.get(engine) === asked) lists.delete(engine);
  });
  return asked.list;
}

async function readList(engine: Engine): Promise<ListedImages> {
  const images = await engine.imageList();
  const byName = new Map(images.flatMap((image) => [image.id, ...image.tags].map((name) => [name, image])));
  return { images, byName };
}

const layers = new WeakMap<Engine, Map<string, Promise<string[] | undefined>>>();

/** Layers of an image, asked for once a process: they belong to its ID. Undefined where it is gone. */
export async function layersOf(id: string, engine: Engine): Promise<string[] | undefined> {
  let known = layers.get(engine);
  if (!known) layers.set(engine, (known = new Map()));
  let asked = known.get(id);
  if (!asked) known.set(id, (asked = engine.image(id).then((image) => image?.layers)));
  const found = await asked.catch((error: unknown) => {
    known.delete(id);
    throw error;
  });
  if (!found) known.delete(id);
  return found;
}

/** Answers `Engine.image` from the list, for who looks at many images; a name is to be spelled as `docker images` does. */
export function fromList(engine: Engine): Pick<Engine, "image" | "names"> {
  return {
    async image(name) {
      const listed = (await listedImages(engine)).byName.get(name);
      const found = listed && (await layersOf(listed.id, engine));
      return found && { ...listed, layers: found };
    },
    names: (pattern) => engine.names(pattern),
  };
}
