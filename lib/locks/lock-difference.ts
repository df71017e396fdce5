import type { Lock } from "./lock-text.ts";

/** What changes from one lock to another. */
export interface LockDifference {
  added: { name: string; version: string }[];
  removed: { name: string; version: string }[];
  /** Other version. */
  changed: { name: string; from: string; to: string }[];
  /** Same version, other hashes: files were added, or are not what they were. */
  rehashed: string[];
}

/** Compares two locks; headings do not count. */
export function compareLocks(before: Lock, after: Lock): LockDifference {
  const difference: LockDifference = { added: [], removed: [], changed: [], rehashed: [] };
  for (const [name, { version, text }] of after.entries) {
    const old = before.entries.get(name);
    if (!old) difference.added.push({ name, version });
    else if (old.version !== version) difference.changed.push({ name, from: old.version, to: version });
    else if (hashes(old.text) !== hashes(text)) difference.rehashed.push(name);
  }
  for (const [name, { version }] of before.entries)
    if (!after.entries.has(name)) difference.removed.push({ name, version });
  return difference;
}

export function isEmpty(difference: LockDifference): boolean {
  return Object.values(difference).every((list: unknown[]) => list.length === 0);
}

/** One line a package, e.g. `"  numpy 2.0.2 → 2.1.0"`. */
export function describeDifference({ added, removed, changed, rehashed }: LockDifference): string[] {
  return [
    ...changed.map(({ name, from, to }) => `  ${name} ${from} → ${to}`),
    ...added.map(({ name, version }) => `  + ${name} ${version}`),
    ...removed.map(({ name, version }) => `  - ${name} ${version}`),
    ...rehashed.map((name) => `  ${name}: same version, other hashes`),
  ];
}

function hashes(text: string): string {
  return (text.match(/sha(256|384|512):[0-9a-f]+/g) ?? []).sort().join(" ");
}
