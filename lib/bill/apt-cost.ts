import type { BuildNote } from "./build-notes.ts";

/** What a command of apt costs, as far as it can be known: apt itself says it only while it runs. */
export interface AptCost {
  fetched: number | null;
  unpacked: number | null;
  why: string;
}

/** @param text the step, e.g. `"RUN apt-get install ffmpeg"` */
export function aptCost(text: string, image: string, notes: BuildNote[]): AptCost {
  const earlier = [...notes]
    .reverse()
    .find((note) => note.aptBytes > 0 && note.steps.some((step) => step.ran && step.text === text));
  const layer = earlier?.steps.find((step) => step.text === text)?.bytes;
  if (earlier) {
    // What apt's mounts grew by is known for a build as a whole: it is the first of its commands that pays.
    const first = earlier.steps.find((step) => step.ran && /\bapt(-get)?\b/.test(step.text));
    const fetched = first?.text === text ? earlier.aptBytes : 0;
    return { fetched, unpacked: layer ?? null, why: `as in an earlier build of ${earlier.image}` };
  }
  return {
    fetched: null,
    unpacked: null,
    why: `apt says only while it runs; ${image} was not built here before`,
  };
}
