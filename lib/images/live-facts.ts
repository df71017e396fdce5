import type { Engine, EngineImage } from "../docker/engine.ts";
import { familiarName, parseReference } from "./image-reference.ts";

/** Whether the first layers are the base's; undefined where there is no base to compare with. */
export async function sharesLayers(
  image: EngineImage,
  baseReference: string | undefined,
  engine: Engine,
): Promise<boolean | undefined> {
  const base = baseReference === undefined ? undefined : await engine.image(baseReference);
  return base && base.layers.every((layer, index) => image.layers[index] === layer);
}

/** What `liveFacts` says where everything is as it should be. */
export function wantedFacts(resource: { tags: string[]; build: { base?: string } }): Record<string, string> {
  const facts = Object.fromEntries(resource.tags.map((tag) => [tag, "this image"]));
  return resource.build.base === undefined ? facts : { ...facts, layers: "on its base" };
}

/** How the image really stands on the engine; undefined where its hash reference is gone. */
export async function liveFacts(
  resource: { reference: string; tags: string[]; build: { base?: string } },
  engine: Engine,
): Promise<Record<string, string> | undefined> {
  const image = await engine.image(resource.reference);
  if (!image) return undefined;
  const facts: Record<string, string> = {};
  for (const tag of resource.tags) {
    const reference = parseReference(tag);
    if (reference && image.tags.includes(familiarName(reference))) facts[tag] = "this image";
    else {
      const other = await engine.image(tag);
      facts[tag] = other ? `moved to ${other.id.slice(7, 19)}` : "missing";
    }
  }
  if (resource.build.base !== undefined) {
    const shared = await sharesLayers(image, resource.build.base, engine);
    facts.layers =
      shared === undefined ? "its base is missing" : shared ? "on its base" : "on other layers than its base";
  }
  return facts;
}
