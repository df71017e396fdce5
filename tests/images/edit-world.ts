import { readdirSync, readFileSync, writeFileSync, lstatSync } from "node:fs";
import { basename, join } from "node:path";

/** Random numbers from a seed (mulberry32), so that a failing run can be repeated. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The world that edits change: a folder, and what settings would say. */
export interface World {
  folder: string;
  args: Record<string, string>;
  /** Digest on lock of each tag of busybox. */
  digests: Record<string, string>;
  random: () => number;
}

export function replaceIn(world: World, file: string, pattern: RegExp, replacement: string): void {
  const path = join(world.folder, file);
  writeFileSync(path, readFileSync(path, "utf8").replace(pattern, replacement));
}

export function pick<T>(world: World, items: T[]): T {
  return items[Math.floor(world.random() * items.length)]!;
}

export function short(world: World, path: string): string {
  return path.slice(world.folder.length + 1);
}

export function isRecipe(path: string): boolean {
  return (
    basename(path).startsWith("Dockerfile") || basename(path) === ".dockerignore" || path.endsWith("tool.sh")
  );
}

export function recipes(folder: string): string[] {
  return regularFiles(folder).filter((path) => /^Dockerfile(\.named)?$/.test(basename(path)));
}

export function regularFiles(folder: string): string[] {
  return pathsBelow(folder).filter((path) => lstatSync(path).isFile());
}

/** Everything below a folder that is no folder. */
export function pathsBelow(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return lstatSync(path).isDirectory() ? pathsBelow(path) : [path];
    });
}
