import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { join, posix } from "node:path";
import type { IgnoreRules } from "./context-ignore.ts";
import type { FileStamp } from "./file-hash-cache.ts";

/** One thing in a context that a build takes. */
export interface ContextEntry extends FileStamp {
  /** Path as the build names it, relative to the context. */
  path: string;
  /** Path where it really lies, symbolic links followed. */
  realPath: string;
  type: "file" | "folder" | "link" | "special";
  /** Permission bits. */
  mode: number;
  /** Bytes. */
  size: number;
  /** Target of a link. */
  target?: string;
}

/** Finds what the paths and patterns of a Dockerfile name in one folder. Reads names and attributes, no file's content. */
export class ContextSelector {
  private readonly root: string;
  private readonly rules: IgnoreRules;

  /** @param root absolute path of the context */
  constructor(root: string, rules: IgnoreRules) {
    this.root = root;
    this.rules = rules;
  }

  /**
   * Everything under a path, or under all matches of a pattern.
   * @param pattern as in COPY, e.g. `"app/*.py"`; `"."` is the whole context
   * @returns undefined when a plain path is not there or is ignored; patterns may match nothing
   */
  select(
    pattern: string,
    options: { wildcards: boolean; parents?: boolean },
  ): Iterable<ContextEntry> | undefined {
    const clean = cleanPath(pattern);
    if (options.wildcards && /[*?[\\]/.test(clean))
      return this.all(this.matches(clean, options.parents ?? false));
    const entries = this.all([clean]);
    const first = entries.next();
    if (first.done) return clean === "" ? [] : undefined;
    return chained(first.value, entries);
  }

  private *all(paths: string[]): Generator<ContextEntry> {
    for (const path of paths) {
      const realPath = this.resolve(path);
      if (realPath !== undefined) yield* this.under(path, realPath);
    }
  }

  private matches(pattern: string, deep: boolean): string[] {
    let paths = [""];
    for (const segment of pattern.split("/")) {
      const next: string[] = [];
      for (const path of paths) {
        if (deep && segment === "**") next.push(path, ...this.foldersBelow(path));
        else if (/[*?[\\]/.test(segment)) {
          const matcher = segmentMatcher(segment);
          next.push(
            ...this.names(path)
              .filter((name) => matcher.test(name))
              .map((name) => posix.join(path, name)),
          );
        } else next.push(posix.join(path, segment));
      }
      paths = [...new Set(next)];
    }
    return paths.filter((path) => path !== "" && this.resolve(path) !== undefined);
  }

  private foldersBelow(path: string): string[] {
    return this.names(path)
      .map((name) => posix.join(path, name))
      .filter((child) => this.stat(child)?.isDirectory())
      .flatMap((child) => [child, ...this.foldersBelow(child)]);
  }

  private names(path: string): string[] {
    const realPath = this.resolve(path);
    if (realPath === undefined || !(realPath === "" || this.stat(realPath)?.isDirectory())) return [];
    return readdirSync(join(this.root, realPath)).sort();
  }

  private stat(path: string): Stats | undefined {
    return lstatSync(join(this.root, path), { throwIfNoEntry: false });
  }

  /** Follows symbolic links, the context's folder being the root of all; undefined where nothing lies. */
  private resolve(path: string): string | undefined {
    let pending = path.split("/").filter(Boolean);
    let resolved: string[] = [];
    for (let hops = 0; pending.length > 0;) {
      const name = pending.shift()!;
      if (name === ".") continue;
      if (name === "..") {
        resolved.pop();
        continue;
      }
      const here = [...resolved, name].join("/");
      const stat = this.stat(here);
      if (!stat) return undefined;
      if (stat.isSymbolicLink()) {
        if (++hops > 255) return undefined;
        const target = readlinkSync(join(this.root, here));
        if (target.startsWith("/")) resolved = [];
        pending = [...target.split("/").filter(Boolean), ...pending];
      } else {
        if (pending.length > 0 && !stat.isDirectory()) return undefined;
        resolved.push(name);
      }
    }
    return resolved.join("/");
  }

  /** The entry itself and, for a folder, all below it that is not ignored; one folder's names in memory at a time. */
  private *under(path: string, realPath: string): Generator<ContextEntry> {
    if (realPath === "") return yield* this.children(path, "");
    const stat = this.stat(realPath);
    if (!stat) return;
    const ignored = this.rules.ignores(realPath);
    if (stat.isDirectory()) {
      if (!ignored) yield entryOf(path, realPath, "folder", stat);
      else if (!this.rules.hasExceptions) return;
      let isShown = !ignored;
      for (const child of this.children(path, realPath)) {
        // An ignored folder is there all the same for what an exception brings back.
        if (!isShown) yield entryOf(path, realPath, "folder", stat);
        isShown = true;
        yield child;
      }
    } else if (ignored || stat.isSocket()) return;
    else if (stat.isSymbolicLink())
      yield { ...entryOf(path, realPath, "link", stat), target: readlinkSync(join(this.root, realPath)) };
    else yield entryOf(path, realPath, stat.isFile() ? "file" : "special", stat);
  }

  private *children(path: string, realPath: string): Generator<ContextEntry> {
    for (const name of readdirSync(join(this.root, realPath)).sort())
      yield* this.under(posix.join(path, name), posix.join(realPath, name));
  }
}

function* chained<T>(first: T, rest: Iterable<T>): Generator<T> {
  yield first;
  yield* rest;
}

function entryOf(path: string, realPath: string, type: ContextEntry["type"], stat: Stats): ContextEntry {
  const { size, mtimeMs, ctimeMs, ino, mode } = stat;
  return {
    path,
    realPath,
    type,
    mode: mode & 0o7777,
    size,
    stamp: `${size} ${mtimeMs} ${ctimeMs} ${ino} ${mode}`,
    // Without a time of change of its own (FAT) ctime is that of creation; mtime can be set to any time, also one to come.
    changedAt: mtimeMs > Date.now() ? ctimeMs : Math.max(ctimeMs, mtimeMs),
  };
}

/** Path inside the context, without leading or trailing slash; `""` is the context itself. */
function cleanPath(path: string): string {
  const clean = posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, "");
  return clean === "." ? "" : clean;
}

/** Go's `filepath.Match` for one path segment. */
export function segmentMatcher(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "\\" && at + 1 < pattern.length) source += quoted(pattern[++at]!);
    else if (char === "[") {
      const end = pattern.indexOf("]", at + 2);
      if (end < 0) source += "\\[";
      else {
        const body = pattern.slice(at + 1, end).replace(/\[/g, "\\[");
        source += `[${body}]`;
        at = end;
      }
    } else source += quoted(char);
  }
  return new RegExp(`^${source}$`, "su");
}

function quoted(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}
