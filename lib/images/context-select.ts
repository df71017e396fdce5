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
  select(pattern: string, options: { wildcards: boolean; parents?: boolean }): ContextEntry[] | undefined {
    const clean = cleanPath(pattern);
    const wild = options.wildcards && /[*?[\\]/.test(clean);
    const paths = wild ? this.matches(clean, options.parents ?? false) : [clean];
    const entries: ContextEntry[] = [];
    for (const path of paths) {
      const realPath = this.resolve(path);
      const found = realPath === undefined ? [] : this.under(path, realPath);
      if (found.length === 0 && !wild && path !== "") return undefined;
      entries.push(...found);
    }
    return entries;
  }

  private matches(pattern: string, deep: boolean): string[] {
    let paths = [""];
    for (const segment of pattern.split("/")) {
      const next: string[] = [];
      for (const path of paths) {
        if (deep && segment === "**") next.push(path, ...this.foldersBelow(path));
        else if (/[*?[\\]/.test(segment)) {
          const matcher = segmentMatcher(segment);
          next.push(...this.names(path).filter((name) => matcher.test(name)).map((name) => posix.join(path, name)));
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

  /** The entry itself and, for a folder, all below it that is not ignored. */
  private under(path: string, realPath: string): ContextEntry[] {
    if (realPath === "") return this.children(path, "");
    const stat = this.stat(realPath);
    if (!stat) return [];
    const ignored = this.rules.ignores(realPath);
    if (stat.isDirectory()) {
      if (ignored && !this.rules.hasExceptions) return [];
      const children = this.children(path, realPath);
      if (ignored && children.length === 0) return [];
      return [entryOf(path, realPath, "folder", stat), ...children];
    }
    if (ignored || stat.isSocket()) return [];
    if (stat.isSymbolicLink())
      return [{ ...entryOf(path, realPath, "link", stat), target: readlinkSync(join(this.root, realPath)) }];
    return [entryOf(path, realPath, stat.isFile() ? "file" : "special", stat)];
  }

  private children(path: string, realPath: string): ContextEntry[] {
    const entries: ContextEntry[] = [];
    for (const name of readdirSync(join(this.root, realPath)).sort())
      for (const entry of this.under(posix.join(path, name), posix.join(realPath, name))) entries.push(entry);
    return entries;
  }
}

function entryOf(path: string, realPath: string, type: ContextEntry["type"], stat: Stats): ContextEntry {
  const { size, mtimeMs, ctimeMs, ino, mode } = stat;
  return { path, realPath, type, mode: mode & 0o7777, size, stamp: `${size} ${mtimeMs} ${ctimeMs} ${ino} ${mode}`, changedAt: ctimeMs };
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
