import { statSync } from "node:fs";
import { join, posix } from "node:path";
import { copiedSources } from "../images/dockerfile-sources.ts";
import type { Instruction } from "../images/dockerfile-syntax.ts";
import { expandWord } from "../images/variable-expansion.ts";

/** Files that a COPY, an ADD or a mount puts into a stage. */
export interface Placed {
  /** A stage or a named context; undefined is the build's own context. */
  from?: string;
  /** Paths there; a pattern as in COPY. */
  sources: string[];
  /** Absolute path in the stage. */
  target: string;
  /** The target is a folder that the sources' names are put into. */
  isFolder: boolean;
  /** A here-document's text: then nothing is copied. */
  text?: string;
  line: number;
}

type Lookup = (name: string) => string | undefined;

/** What a COPY or ADD places; undefined for an address of ADD. */
export function placedByCopy(
  instruction: Instruction,
  file: string,
  workdir: string,
  lookup: Lookup,
): Placed | undefined {
  const source = copiedSources(instruction, file);
  const destination = lastWord(instruction.rest);
  if (destination === undefined) return undefined;
  const target = absolute(expandWord(destination, lookup).text, workdir);
  const body = instruction.heredocs[0]?.body;
  const { line } = instruction;
  if (body !== undefined) return { sources: [], target, isFolder: false, text: body, line };
  if (!source) return undefined;
  const sources = source.paths.map((path) => expandWord(path, lookup).text);
  const isFolder = /\/$|^\.\.?$/.test(destination) || sources.length > 1;
  return { ...(source.from !== undefined && { from: source.from }), sources, target, isFolder, line };
}

/** What the bind mounts of a RUN place. */
export function placedByMounts(instruction: Instruction, workdir: string, lookup: Lookup): Placed[] {
  return instruction.flags.flatMap(({ name, value }) => {
    if (name !== "mount") return [];
    const fields = new Map(
      value.split(",").map((field) => {
        const [, key = "", text = ""] = /^\s*([^=]*)=?"?(.*?)"?$/s.exec(field) ?? [];
        return [key.toLowerCase(), expandWord(text, lookup).text] as const;
      }),
    );
    const target = fields.get("target") ?? fields.get("dst") ?? fields.get("destination");
    if ((fields.get("type") ?? "bind") !== "bind" || target === undefined) return [];
    const from = fields.get("from");
    const source = fields.get("source") ?? fields.get("src") ?? ".";
    const placed = { sources: [source], target: absolute(target, workdir), isFolder: false };
    return [{ ...placed, ...(from !== undefined && { from }), line: instruction.line }];
  });
}

/**
 * Path in the source of a file that a stage has, or undefined where this does not place it.
 * @param folder the source's folder on this machine, where it has one: tells a folder from a file
 */
export function sourceOf(placed: Placed, path: string, folder: string | undefined): string | undefined {
  for (const source of placed.sources) {
    const plain = source.replace(/^\/+/, "") || ".";
    const below = posix.relative(placed.target, path);
    if (below === "" && !placed.isFolder && !isFolder(folder, plain)) return source;
    if (below === "" || below.startsWith("..")) continue;
    if (isFolder(folder, plain) ?? !/\.[a-z]+$/.test(plain)) return posix.join(source, below);
    if (matches(posix.basename(path), posix.basename(plain)) && below === posix.basename(path))
      return posix.join(posix.dirname(source), below);
  }
  return undefined;
}

/** An absolute path in the image. */
export function absolute(path: string, workdir: string): string {
  const whole = posix.normalize(path.startsWith("/") ? path : posix.join(workdir, path));
  return whole.length > 1 ? whole.replace(/\/$/, "") : whole;
}

/** Whether a name fits a pattern with `*` and `?`. */
export function matches(name: string, pattern: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${expression}$`).test(name);
}

function isFolder(folder: string | undefined, path: string): boolean | undefined {
  if (path === ".") return true;
  if (folder === undefined) return undefined;
  return statSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory();
}

function lastWord(rest: string): string | undefined {
  if (rest.startsWith("["))
    try {
      return (JSON.parse(rest) as string[]).at(-1);
    } catch {
      // Not JSON after all: the words as they stand.
    }
  return rest.split(/\s+/).at(-1);
}
