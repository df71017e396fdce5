import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readSizes, sizesOfLock, writeSizes, type FileSizes } from "./sizes.ts";
import { wheelsOf } from "./wheel-files.ts";

/** A file that pins packages, and for which Python. */
export interface PinningFile {
  /** Absolute path of a lock, or of a Dockerfile that installs `name==version`. */
  path: string;
  /** e.g. `"3.10"` */
  python: string;
}

/** Sizes of one file as they are now. */
export interface SizesChange {
  path: string;
  sizes: FileSizes;
  /** Packages of unknown size, e.g. `["torch 2.7.1+cu128"]`. */
  missing: string[];
  unchanged: boolean;
}

export interface RefreshSizesOptions {
  uv: string;
  /** Index of torch's wheels; without it torch's local versions stay unknown. */
  packageIndex?: string;
  /** Write nothing. */
  dryRun?: boolean;
  onStep?: (path: string) => void;
}

/** Every lock below these folders and every Dockerfile directly in them. The path tells the Python: `…-py310`, `python3.11.lock`. */
export async function pinningFiles(folders: string[], python: string): Promise<PinningFile[]> {
  const found: PinningFile[] = [];
  for (const folder of folders.filter((candidate) => existsSync(candidate)))
    for (const name of (await readdir(folder, { recursive: true })).sort()) {
      const isDockerfile = /^Dockerfile[^/]*$/.test(name) && !name.endsWith(".json");
      if (!name.endsWith(".lock") && !isDockerfile) continue;
      const version = /(?:-py|python)(\d)\.?(\d+)/.exec(name);
      found.push({ path: join(folder, name), python: version ? `${version[1]}.${version[2]}` : python });
    }
  return found;
}

/** Brings `<file>.sizes.json` up to date. What it has stays; a lock is not resolved anew. */
export async function refreshSizes(
  files: PinningFile[],
  options: RefreshSizesOptions,
): Promise<SizesChange[]> {
  const changes: SizesChange[] = [];
  for (const { path, python } of files) {
    options.onStep?.(path);
    const [text, known] = await Promise.all([readFile(path, "utf8"), readSizes(path)]);
    const { packageIndex } = options;
    const sizeOptions = {
      uv: options.uv,
      python,
      ...(packageIndex && { index: { url: packageIndex } }),
    };
    const { sizes, missing } = path.endsWith(".lock")
      ? await sizesOfLock(text, known, sizeOptions)
      : await sizesOfPins(pinsOf(text), known, sizeOptions);
    if (Object.keys(sizes).length === 0 && missing.length === 0) continue; // a Dockerfile without pins
    const unchanged = JSON.stringify(sizes) === JSON.stringify(known);
    if (!unchanged && !options.dryRun) await writeSizes(path, sizes);
    changes.push({ path, sizes, missing, unchanged });
  }
  return changes;
}

/** `name==version` words of commands that install with pip, e.g. `["uv==0.13.9"]`. */
export function pinsOf(text: string): string[] {
  if (!/\bpip3?\b[^\n]*\s(install|download|wheel)\b/.test(text)) return [];
  const words = text.matchAll(/(?<![\w./=-])([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(\d[\w.!+-]*)/g);
  return [...new Set([...words].map((match) => `${match[1]!.toLowerCase()}==${match[2]!}`))];
}

/** Sizes of what is pinned without a hash, by the pin itself. */
export async function sizesOfPins(
  pins: string[],
  known: FileSizes,
  options: { uv: string; python: string; signal?: AbortSignal },
): Promise<{ sizes: FileSizes; missing: string[] }> {
  const unknown = pins.filter((pin) => known[pin] === undefined);
  const packages = unknown.map((pin) => ({ name: pin.split("==")[0]!, version: pin.split("==")[1]! }));
  const found = packages.length > 0 ? await wheelsOf(packages, options) : new Map();
  const sizes: FileSizes = {};
  for (const pin of pins) {
    const bytes =
      known[pin] ?? (found.get(pin.split("==")[0]!) as { bytes?: number }[] | undefined)?.[0]?.bytes;
    if (bytes !== undefined) sizes[pin] = bytes;
  }
  const missing = pins.filter((pin) => sizes[pin] === undefined).map((pin) => pin.replace("==", " "));
  return { sizes, missing };
}
