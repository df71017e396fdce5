import { UserError } from "../lib/errors.ts";
import { nearestName } from "../lib/settings/problems.ts";

/** The bases, by the words that people use. */
const shorthands = { runtime: "cuda-base-runtime", devel: "cuda-base-devel" };

/** Every image of a stack with these services, bases first. */
export function allImages(services: string[]): string[] {
  return [...Object.values(shorthands), ...services];
}

/**
 * The images that a person names: `"all"`, `"runtime"`, `"devel"`, or names of images.
 *
 * @throws UserError for a word that names none, with the nearest one that does.
 */
export function imageNames(words: string[], services: string[]): string[] {
  const images = allImages(services);
  const meaning: Record<string, string[]> = {
    all: images,
    ...Object.fromEntries(Object.entries(shorthands).map(([word, image]) => [word, [image]])),
    ...Object.fromEntries(images.map((image) => [image, [image]])),
  };
  const names = words.flatMap((word) => {
    if (Object.hasOwn(meaning, word)) return meaning[word]!;
    const known = ["all", ...Object.keys(shorthands), ...services];
    const nearest = nearestName(word, known);
    throw new UserError(
      `There is no image ${word}. ${nearest ? `Did you mean ${nearest}?` : `Known: ${known.join(", ")}.`}`,
    );
  });
  return [...new Set(names)];
}
