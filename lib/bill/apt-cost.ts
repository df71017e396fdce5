import type { BuildNote } from "./build-notes.ts";

/** What a command of apt costs, as far as it can be known: apt itself says it only while it runs. */
export interface AptCost {
  fetched: number | null;
  unpacked: number | null;
  why: string;
}

/** Packages with all that they need, as Debian 12 has them: bytes fetched, bytes installed. Ubuntu's are of the same order. */
const debian: Record<string, [fetched: number, installed: number]> = {
  "build-essential": [80e6, 350e6],
  ffmpeg: [133e6, 480e6],
  "python3-venv": [17e6, 58e6],
  tini: [0.4e6, 0.8e6],
};
/** Lists of packages, which the first command fetches. */
const lists = 9e6;
/** What an empty cache mount of apt holds beside packages after its first command: the lists unpacked, and apt's two indexes of them. */
export const aptListsOnDisk = 160e6;

/**
 * As an earlier build on this engine, else as Debian's packages are, else unknown.
 * @param text the step, e.g. `"RUN apt-get install ffmpeg"`
 * @param seen packages that an earlier step of this run has fetched; this one's are added
 */
export function aptCost(text: string, notes: BuildNote[], seen: Set<string>): AptCost {
  const earlier = notes.findLast(
    (note) => note.aptBytes > 0 && note.steps.some((step) => step.ran && step.text === text),
  );
  if (earlier) {
    // What apt's mounts grew by is known for a build as a whole: the first of its commands pays for all.
    const first = earlier.steps.find((step) => step.ran && /\bapt(-get)?\b/.test(step.text));
    const unpacked = earlier.steps.find((step) => step.text === text)?.bytes ?? null;
    const fetched = first?.text === text ? earlier.aptBytes : 0;
    return { fetched, unpacked, why: `as in an earlier build of ${earlier.image}` };
  }
  const words = new Set(text.split(/[\s"'&;|]+/));
  const known = Object.entries(debian).filter(([name]) => words.has(name));
  if (known.length === 0)
    return {
      fetched: null,
      unpacked: null,
      why: "apt says only while it runs, and nothing like it was built here",
    };
  const fresh = known.filter(([name]) => !seen.has(name));
  const start = seen.size === 0 ? lists : 0;
  for (const [name] of known) seen.add(name);
  return {
    fetched: start + fresh.reduce((sum, [, [bytes]]) => sum + bytes, 0),
    unpacked: known.reduce((sum, [, [, bytes]]) => sum + bytes, 0),
    why: "an estimate, as Debian 12's packages are",
  };
}
