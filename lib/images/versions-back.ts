import type { TagLedger } from "./tag-ledger.ts";
import type { ImageEvent } from "./history.ts";
import { currentReference, shortVersion } from "./promoted.ts";

/** One version of an image that one can go to. */
export interface VersionLine {
  /** 1 is the newest. */
  number: number;
  reference: string;
  /** ISO time of its promotion; undefined where nobody remembers. */
  time?: string;
  /** Whether its smoke test had a GPU; undefined where it had no test or nobody remembers. */
  smokeGpu?: boolean;
  /** The friendly tags mean it now. */
  isCurrent: boolean;
  isPinned: boolean;
}

/** Versions of an image that are on the engine and that friendly tags have been on, the newest first. */
export function versionLines(
  ledger: TagLedger,
  image: { stack: string; name: string },
  present: Set<string>,
  history: ImageEvent[],
): VersionLine[] {
  const key = `${image.stack}/${image.name}`;
  const current = currentReference(ledger, image.stack, image.name);
  const wasPromoted = (reference: string): boolean =>
    ledger.promoted[reference] !== undefined ||
    history.some((event) => event.reference === reference && event.result !== "failed");
  return (ledger.versions[key] ?? [])
    .filter((reference) => present.has(reference) && wasPromoted(reference))
    .map((reference, index) => {
      const { time, smokeGpu } = ledger.promoted[reference] ?? {};
      return {
        number: index + 1,
        reference,
        ...(time !== undefined && { time }),
        ...(smokeGpu !== undefined && { smokeGpu }),
        isCurrent: reference === current,
        isPinned: ledger.pins[key] === reference,
      };
    });
}

/** The version before the current one, or the one that `to` names: a number of the list, a reference, its tag or its hash. */
export function chooseVersion(lines: VersionLine[], to?: string): VersionLine | undefined {
  if (to === undefined) {
    const current = lines.findIndex(({ isCurrent }) => isCurrent);
    return lines[current + 1];
  }
  if (/^\d{1,3}$/.test(to)) return lines.find(({ number }) => number === Number(to));
  return lines.find(
    ({ reference }) => reference === to || shortVersion(reference) === to || reference.endsWith(`-${to}`),
  );
}

/** What becomes of the images that stand on one that goes back. */
export interface Followers {
  /** Image → hash reference of the version that was built on the same. */
  move: Map<string, string>;
  /** Images of which there is no such version: the next run builds them. */
  rebuild: string[];
}

/**
 * The images that stand on versions which are gone back to. Each follows to the version with the same files on that base,
 * which is what the next run would reuse.
 *
 * @param images every image of the stack
 * @param targets image → hash reference that is gone back to
 * @param pinned images that stay what they are, whatever they stand on
 * @param present hash references on the engine
 */
export function followers(
  ledger: TagLedger,
  stack: string,
  images: string[],
  targets: Map<string, string>,
  pinned: Set<string>,
  present: Set<string>,
): Followers {
  const move = new Map<string, string>();
  const rebuild: string[] = [];
  /** The hash that an image will have; undefined where it will be built. */
  const decided = new Map<string, string | undefined>();
  for (const [image, reference] of targets) decided.set(image, hashOf(reference));
  const decide = (image: string): string | undefined => {
    if (decided.has(image)) return decided.get(image);
    const reference = currentReference(ledger, stack, image);
    const version = reference === undefined ? undefined : ledger.promoted[reference];
    decided.set(image, version?.hash);
    if (!version || pinned.has(image)) return version?.hash;
    const parents = Object.keys(version.parts).flatMap((key) => /^parent (.*)$/.exec(key)?.[1] ?? []);
    const wanted = { ...version.parts };
    for (const parent of parents) wanted[`parent ${parent}`] = decide(parent) ?? "";
    if (isSame(wanted, version.parts)) return version.hash;
    const fitting = (ledger.versions[`${stack}/${image}`] ?? []).find(
      (other) => present.has(other) && isSame(ledger.promoted[other]?.parts ?? {}, wanted),
    );
    if (fitting === undefined) rebuild.push(image);
    else move.set(image, fitting);
    decided.set(image, fitting === undefined ? undefined : hashOf(fitting));
    return decided.get(image);
  };
  for (const image of images) decide(image);
  return { move, rebuild };
}

/** The 16 digits at the end of a hash reference. */
export function hashOf(reference: string): string {
  return reference.slice(-16);
}

function isSame(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
