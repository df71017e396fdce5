import type { Engine } from "../docker/engine.ts";
import { belongsOn } from "./apart.ts";
import { familiarName, parseReference } from "./image-reference.ts";
import type { ImageThere } from "./rebuilds.ts";
import type { ImagePlan } from "./types.ts";

/** What `liveFacts` says where everything is as it should be. */
export function wantedFacts(resource: {
  tags: string[];
  build: Pick<ImagePlan, "base" | "basesBelow">;
}): Record<string, string> {
  const facts = Object.fromEntries(resource.tags.map((tag) => [tag, "this image"]));
  return resource.build.base === undefined ? facts : { ...facts, layers: "on its base" };
}

/**
 * How the image really stands on the engine; undefined where its hash reference is gone.
 *
 * @param look where images are looked up: `fromList` for many, the engine itself after it was changed
 */
export async function liveFacts(
  resource: {
    reference: string;
    stateDir: string;
    tags: string[];
    build: Pick<ImagePlan, "base" | "basesBelow">;
  },
  engine: Engine,
  look: Pick<Engine, "image"> = engine,
): Promise<Record<string, string> | undefined> {
  const image = await look.image(resource.reference);
  if (!image) return undefined;
  const facts: Record<string, string> = {};
  for (const tag of resource.tags) {
    const reference = parseReference(tag);
    const name = reference ? familiarName(reference) : tag;
    if (image.tags.includes(name)) facts[tag] = "this image";
    else {
      const other = await look.image(name);
      facts[tag] = other ? `moved to ${other.id.slice(7, 19)}` : "missing";
    }
  }
  const { base, basesBelow = [] } = resource.build;
  if (base !== undefined)
    facts.layers = await standing(image, [base, ...basesBelow], resource.stateDir, engine, look);
  return facts;
}

/** Down to the lowest base: where one of them will be built, all above it are. */
async function standing(
  image: ImageThere,
  bases: string[],
  stateDir: string,
  engine: Engine,
  look: Pick<Engine, "image">,
): Promise<string> {
  let above = image;
  for (const [index, reference] of bases.entries()) {
    const base = await look.image(reference);
    if (!base) return index === 0 ? "its base is missing" : "a base of its base is missing";
    if (!(await belongsOn(above, base, stateDir, engine)))
      return index === 0 ? "on other layers than its base" : "its base is on other layers than its own";
    above = base;
  }
  return "on its base";
}
