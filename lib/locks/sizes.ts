import { readFile } from "node:fs/promises";
import writeFileAtomic from "write-file-atomic";
import { parseLock } from "./lock-text.ts";
import { wheelsOf, type Wheel } from "./wheel-files.ts";

/** Bytes of the files that a lock's installation fetches, by SHA-256 in hexadecimal; in a Dockerfile's, by `"uv==0.13.9"`. */
export type FileSizes = Record<string, number>;

/** What has to be known to tell which file of a package is taken. */
export interface SizeOptions {
  /** Path of uv. */
  uv: string;
  /** Python of the image, e.g. `"3.10"`. */
  python: string;
  /** Index of versions with a local part (`2.7.1+cu128`); all else comes from the client's own default. */
  index?: { url: string };
  signal?: AbortSignal;
}

/** Where the sizes of a lock, or of a Dockerfile's `name==version`, stand. */
export function sizesPath(file: string): string {
  return `${file}.sizes.json`;
}

/** The sizes beside a lock; none where there is no such file, or it is damaged. */
export async function readSizes(file: string): Promise<FileSizes> {
  try {
    const read: unknown = JSON.parse(await readFile(sizesPath(file), "utf8"));
    if (typeof read !== "object" || read === null) return {};
    const entries = Object.entries(read as Record<string, unknown>);
    return Object.fromEntries(
      entries.filter(
        (entry): entry is [string, number] => Number.isSafeInteger(entry[1]) && Number(entry[1]) >= 0,
      ),
    );
  } catch {
    return {};
  }
}

/** Writes them, in the lock's order. */
export async function writeSizes(file: string, sizes: FileSizes): Promise<void> {
  await writeFileAtomic(sizesPath(file), `${JSON.stringify(sizes, undefined, 2)}\n`);
}

/**
 * Finds out the sizes of a lock's files: which ones the platform takes is uv's answer, from metadata alone.
 * @param known sizes from before: what they have is not asked again
 * @returns the sizes, and the packages that nobody knows the size of
 */
export async function sizesOfLock(
  text: string,
  known: FileSizes,
  options: SizeOptions,
): Promise<{ sizes: FileSizes; missing: string[] }> {
  const { entries } = parseLock(text);
  const sizes: FileSizes = {};
  const wanted: { name: string; version: string; hashes: string[] }[] = [];
  for (const [name, entry] of entries) {
    const hashes = hashesOf(entry.text);
    const hash = hashes.find((candidate) => known[candidate] !== undefined);
    if (hash) sizes[hash] = known[hash]!;
    else wanted.push({ name, version: entry.version, hashes });
  }
  if (wanted.length === 0) return { sizes, missing: [] };
  const found = await wheelsOf(
    wanted.map(({ name, version }) => ({ name, version })),
    options,
  );
  const missing: string[] = [];
  for (const { name, version, hashes } of wanted) {
    const file = found.get(name)?.find((wheel) => fits(wheel, hashes));
    if (file?.bytes === undefined) missing.push(`${name} ${version}`);
    else sizes[file.sha256 ?? hashes[0]!] = file.bytes;
  }
  return {
    sizes: inOrder(
      sizes,
      [...entries.values()].flatMap(({ text: entry }) => hashesOf(entry)),
    ),
    missing,
  };
}

/** All SHA-256 of one entry of a lock. */
export function hashesOf(entry: string): string[] {
  return [...entry.matchAll(/sha256:([0-9a-f]{64})/g)].map((match) => match[1]!);
}

/** A URL's file has no hash of its own: the lock's single one is meant. */
function fits({ sha256 }: Wheel, hashes: string[]): boolean {
  return sha256 === undefined ? hashes.length === 1 : hashes.includes(sha256);
}

function inOrder(sizes: FileSizes, order: string[]): FileSizes {
  return Object.fromEntries(
    order.flatMap((hash) => (sizes[hash] === undefined ? [] : [[hash, sizes[hash]] as const])),
  );
}
