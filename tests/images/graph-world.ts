import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Engine } from "../../lib/docker/engine.ts";
import { pathsBelow, pick, type World } from "./edit-world.ts";
import { writeImageLock, type Values } from "./real-graph.ts";

/** The world that edits of the real graph change: files, settings, and what is on the engine. */
export interface GraphWorld extends World {
  values: Values;
  engine: Engine;
  /** Hash references that the stack has just now, by image. */
  references(): Map<string, string>;
}

/** Changes the world; returns what it was, or undefined where it cannot be done just now. */
export type GraphEdit = (world: GraphWorld) => string | undefined | Promise<string | undefined>;

export const number = (world: World): number => Math.floor(world.random() * 1e6);

export const other = <T>(world: World, items: T[], now: T): T =>
  pick(
    world,
    items.filter((item) => item !== now),
  );

/** Files and settings of one moment. */
export interface Moment {
  files: Map<string, { mode: number; content: Buffer } | { link: string }>;
  values: Values;
  digests: Record<string, string>;
}

export function remember(world: GraphWorld): Moment {
  const files: Moment["files"] = new Map();
  for (const path of pathsBelow(world.folder)) {
    const stat = lstatSync(path);
    files.set(
      relative(world.folder, path),
      stat.isSymbolicLink()
        ? { link: readlinkSync(path) }
        : { mode: stat.mode & 0o777, content: readFileSync(path) },
    );
  }
  return { files, values: structuredClone(world.values), digests: { ...world.digests } };
}

/** Puts files and settings back as they were. */
export function restore(world: GraphWorld, moment: Moment): void {
  rmSync(world.folder, { recursive: true });
  for (const [path, file] of moment.files) {
    const full = join(world.folder, path);
    mkdirSync(dirname(full), { recursive: true });
    if ("link" in file) symlinkSync(file.link, full);
    else {
      writeFileSync(full, file.content);
      chmodSync(full, file.mode);
    }
  }
  world.values = structuredClone(moment.values);
  world.digests = { ...moment.digests };
  writeImageLock(world.folder, world.digests);
}
