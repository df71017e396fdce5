import prettyBytes from "pretty-bytes";
import { fewOf, inWords, shortStep } from "./words.ts";
import type { ImageRun } from "./types.ts";

/** Where the time of a run went, a line for each image that was built; nothing where none was. */
export function runLines(images: ImageRun[]): string[] {
  const built = images.filter(wasBuilt);
  if (built.length === 0) return [];
  const width = Math.max(...built.map(({ image }) => image.length));
  return [
    "Where the time went:",
    ...built.map((image) => `  ${image.image.padEnd(width)}  ${lineOf(image)}`),
  ];
}

/** The same for one image by itself, with why it was built; undefined where it was not. */
export function runLine(image: ImageRun): string | undefined {
  if (!wasBuilt(image)) return undefined;
  return `built in ${lineOf(image)}; why: ${fewOf(image.reasons)}`;
}

function wasBuilt({ result, ranSteps, cachedSteps }: ImageRun): boolean {
  return result === "built" && ranSteps + cachedSteps > 0;
}

function lineOf({ buildSeconds, cachedSteps, ranSteps, slowest, pulledBytes }: ImageRun): string {
  const all = cachedSteps + ranSteps;
  return [
    `${inWords(buildSeconds)}, ${cachedSteps} of ${all} ${all === 1 ? "step" : "steps"} from the cache`,
    ...(slowest ? [`slowest ${inWords(slowest.seconds)}: ${shortStep(slowest.what, 60)}`] : []),
    ...(pulledBytes > 0 ? [`pulled ${prettyBytes(pulledBytes)}`] : []),
  ].join("; ");
}
