import type { BillFacts } from "./facts.ts";
import type { RunningStep } from "./steps-to-run.ts";
import type { Bill } from "./types.ts";

/** Layers of the wanted images that are there already, and the other stacks that have them too. */
export function sharedWith(facts: BillFacts, running: RunningStep[]): Bill["shared"] {
  const runs = new Set(running.map(({ step }) => step.key));
  const wanted = facts.images.flatMap(({ build }) => build.steps.filter(({ isInImage }) => isInImage));
  const reused = new Set(wanted.map(({ key }) => key).filter((key) => !runs.has(key)));
  const bytes = new Map<string, number>();
  const stacks = new Map<string, { images: Set<string>; keys: Set<string> }>();
  for (const note of facts.notes) {
    const isThere = facts.references.has(note.reference);
    for (const step of note.steps) {
      if (!reused.has(step.key)) continue;
      bytes.set(step.key, step.bytes ?? bytes.get(step.key) ?? 0);
      if (!isThere || note.stack === facts.stack) continue;
      const entry = stacks.get(note.stack) ?? { images: new Set(), keys: new Set() };
      stacks.set(note.stack, entry);
      entry.images.add(note.image);
      entry.keys.add(step.key);
    }
  }
  const sumOf = (keys: Iterable<string>): number =>
    [...keys].reduce((sum, key) => sum + (bytes.get(key) ?? 0), 0);
  return {
    bytes: sumOf(bytes.keys()),
    stacks: [...stacks].map(([stack, { images, keys }]) => ({
      stack,
      images: [...images].sort(),
      bytes: sumOf(keys),
    })),
  };
}
