import type { Engine, EngineImage } from "../docker/engine.ts";

/**
 * The image with a content: under its hash reference, or under an earlier one of the same hash where only names were
 * changed since (a tag, `variant`).
 */
export async function imageOfContent(
  wanted: { reference: string; hash: string },
  engine: Pick<Engine, "image" | "names">,
): Promise<EngineImage | undefined> {
  const image = await engine.image(wanted.reference);
  if (image) return image;
  const repository = wanted.reference.slice(0, wanted.reference.lastIndexOf(":"));
  const [other] = await engine.names(`${repository}:*-${wanted.hash}`);
  return other && engine.image(other.id);
}
