import { readFile } from "node:fs/promises";
import { parseLock } from "../locks/lock-text.ts";
import { readRequirementLines } from "../locks/read-pins.ts";
import { hashesOf, readSizes } from "../locks/sizes.ts";
import { hashMark } from "./build-notes.ts";

/** One file that an installation takes. */
export interface WantedPackage {
  name: string;
  version: string;
  /** All that a cache mount may know it by; the first one is the file's own where its size is known. */
  marks: string[];
  /** It has an address of its own: no index is asked for it. */
  isAtAddress?: boolean;
  /** Bytes, packed; undefined where nobody knows. */
  bytes?: number;
}

/**
 * What a lock makes its reader fetch.
 * @throws where the lock cannot be read, or is none that pip and uv take
 */
export async function packagesOf(lock: string, python: string): Promise<WantedPackage[]> {
  const [text, sizes] = await Promise.all([readFile(lock, "utf8"), readSizes(lock)]);
  readRequirementLines(text, lock, { python });
  return [...parseLock(text).entries].map(([name, entry]) => {
    const hashes = hashesOf(entry.text);
    const taken = hashes.find((hash) => sizes[hash] !== undefined);
    const isAtAddress = entry.version.includes("://");
    const common = {
      name,
      version: isAtAddress ? fileOf(entry.version) : entry.version,
      ...(isAtAddress && { isAtAddress }),
    };
    return taken === undefined
      ? { ...common, marks: hashes.map(hashMark) }
      : { ...common, marks: [hashMark(taken)], bytes: sizes[taken]! };
  });
}

/** Packages of a step's locks and its own pins. @param known by path of the lock, and by the pin itself */
export function packagesIn(
  { locks, pins }: { locks: string[]; pins: string[] },
  known: ReadonlyMap<string, WantedPackage[]>,
): WantedPackage[] {
  return [...locks, ...pins].flatMap((one) => known.get(one) ?? []);
}

/** The file behind an address, e.g. `"flash_attn-2.8.0.post2+cu12….whl"`. */
function fileOf(address: string): string {
  const last = address.split("/").at(-1) ?? address;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
