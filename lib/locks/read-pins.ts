import { valid } from "@renovatebot/pep440";
import type { Pin } from "../cuda/types.ts";
import { UserError } from "../errors.ts";
import { normalName } from "./lock-text.ts";
import { markerApplies } from "./markers.ts";
import { readWheelName, type WheelName } from "./wheel-name.ts";

/** A package that a file or command asks for. */
export interface Requirement {
  /** Normal name, e.g. `"flash-attn"`. */
  name: string;
  /** As pip takes it, without marker and hashes: `"whisperx==3.7.3"`. */
  text: string;
  /** Version specifiers, e.g. `">=0.3,<1"`; empty where any version will do, or where a URL says which. */
  specifiers: string;
  /** The one version that it can be. */
  version?: string;
  /** File relative to the project, with the line: `"services/whisperx/requirements.in:8"`. */
  from: string;
  /** Set where a file is asked for and not a version. */
  wheel?: WheelName;
}

/** A requirements file, or a lock, as pip and uv read it. */
export interface RequirementsText {
  requirements: Requirement[];
  /** Further files after `-r`, as written. */
  files: { path: string; line: number }[];
}

export interface ReadPinsOptions {
  /** Python that markers are asked for, e.g. `"3.10"`. */
  python: string;
  /** Hashes must stand beside every package, as `--require-hashes` has it. */
  requireHashes?: boolean;
  /** What makes the file again, for messages. */
  remedy?: string;
}

const nameAndRest = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)$/s;
const specifier = /^(===|==|~=|!=|<=|>=|<|>)\s*([A-Za-z0-9.*+!_-]+)$/;
const hash = /\s--hash[= ]\s*(\S+)/g;
const goodHash = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

/**
 * Reads a requirements file or a lock; what a marker leaves out is left out.
 * @param file its name for `from` and messages, relative to the project
 * Throws a UserError of one line, with file and line, where pip or uv would refuse it.
 */
export function readRequirementLines(text: string, file: string, options: ReadPinsOptions): RequirementsText {
  const found: RequirementsText = { requirements: [], files: [] };
  const seen = new Map<string, Requirement>();
  const remedy = options.remedy ?? "write NAME==VERSION there, or make the file again";
  const refuse = (line: number, problem: string): never => {
    throw new UserError(`${file}:${line}: ${problem}; ${remedy}`);
  };
  for (const { line, text: whole, isCut } of logicalLines(text)) {
    if (isCut) refuse(line, `the file ends in the middle of ${shown(whole.split(/\s/)[0]!)}`);
    if (whole.startsWith("-")) {
      const nested = /^(?:-r|--requirements?)(?:\s+|=)?(\S+)$/.exec(whole)?.[1];
      if (nested !== undefined) found.files.push({ path: nested, line });
      else if (!/^(?:-[a-zA-Z]\b|--(?!hash\b)[a-z])/.test(whole)) refuse(line, noRequirement(whole));
      continue;
    }
    const hashes = [...whole.matchAll(hash)].map((match) => match[1]!);
    const bad = hashes.find((value) => !goodHash.test(value));
    if (bad !== undefined) refuse(line, `${shown(bad)} is no hash such as sha256: and 64 digits`);
    const words = readRequirement(whole.replace(/\s--?[a-z][\s\S]*$/, ""), `${file}:${line}`, options.python);
    if (words === "bad") refuse(line, noRequirement(whole));
    if (typeof words !== "object") continue;
    if (options.requireHashes && hashes.length === 0)
      refuse(line, `${words.name} has no --hash, and the build asks for one (--require-hashes)`);
    const other = seen.get(words.name);
    if (words.version !== undefined && other?.version !== undefined && other.version !== words.version)
      refuse(line, `${words.name} is ${words.version} here and ${other.version} in ${other.from}`);
    seen.set(words.name, words);
    found.requirements.push(words);
  }
  return found;
}

/** The exact versions among requirements. */
export function pinsOf(requirements: Requirement[]): Pin[] {
  return requirements.flatMap(({ name, version, from, wheel }) =>
    version === undefined ? [] : [{ name, version, from, ...(wheel?.python && { python: wheel.python }) }],
  );
}

/**
 * Reads one requirement, as in a file or behind `pip install`.
 * @returns `"bad"` where it is none, `"other"` where it names no package or its marker leaves it out
 */
export function readRequirement(text: string, from: string, python: string): Requirement | "bad" | "other" {
  const trimmed = text.trim();
  if (/^(?:git|hg|svn|bzr)\+/.test(trimmed)) return "other"; // a commit, and no version
  if (/^(?:[a-z]+:\/\/|[./~])/i.test(trimmed) || /^[^\s=<>@;]+\.whl$/.test(trimmed))
    return fromFile(trimmed, from);
  const match = nameAndRest.exec(trimmed);
  if (!match) return "bad";
  const name = normalName(match[1]!);
  const { isOut, rest } = withoutMarker(match[3]!, python);
  if (isOut === "bad") return "bad";
  if (isOut) return "other";
  const url = /^@\s*(\S+)$/.exec(rest)?.[1];
  if (url !== undefined) {
    const wheel = readWheelName(url);
    const known = wheel && wheel.name === name ? { version: wheel.version, wheel } : {};
    return { name, text: `${name} @ ${url}`, specifiers: "", from, ...known };
  }
  const parts = rest
    .replace(/^\((.*)\)$/s, "$1")
    .split(",")
    .map((part) => specifier.exec(part.trim()));
  if (rest !== "" && !parts.every((part) => part && isVersion(part[1]!, part[2]!))) return "bad";
  const specifiers = rest === "" ? "" : parts.map((part) => `${part![1]}${part![2]}`).join(",");
  const exact = parts.find((part) => /^===?$/.test(part?.[1] ?? "") && !part![2]!.includes("*"))?.[2];
  return {
    name,
    text: `${name}${match[2] ?? ""}${specifiers}`,
    specifiers,
    from,
    ...(exact !== undefined && { version: exact }),
  };
}

function fromFile(text: string, from: string): Requirement | "other" {
  const wheel = readWheelName(text.replace(/\[[^\]]*\]$/, ""));
  return wheel ? { name: wheel.name, text, specifiers: "", from, version: wheel.version, wheel } : "other";
}

function withoutMarker(rest: string, python: string): { rest: string; isOut: boolean | "bad" } {
  // In a URL a ";" counts only after white space.
  const at = rest.startsWith("@") ? rest.search(/\s;/) : rest.indexOf(";");
  if (at < 0) return { rest: rest.trim(), isOut: false };
  const applies = markerApplies(rest.slice(at).replace(/^\s*;/, ""), python);
  return { rest: rest.slice(0, at).trim(), isOut: applies === undefined ? "bad" : !applies };
}

function isVersion(operator: string, version: string): boolean {
  return operator === "===" || valid(version.replace(/^(.*)\.\*$/, "$1")) !== null;
}

interface LogicalLine {
  /** From 1. */
  line: number;
  text: string;
  /** The file ends where a further line was announced. */
  isCut: boolean;
}

/** Lines with their continuations, without comments. */
function* logicalLines(text: string): Generator<LogicalLine> {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  let start = 0;
  let joined = "";
  for (const [at, line] of lines.entries()) {
    if (joined === "") start = at + 1;
    const isComment = /^\s*#/.test(line);
    const plain = isComment ? "" : line.replace(/\s#.*$/, "");
    const continues = !isComment && plain.trimEnd().endsWith("\\");
    joined += ` ${continues ? plain.trimEnd().slice(0, -1) : plain}`;
    const isLast = at === lines.length - 1 || (at === lines.length - 2 && lines.at(-1) === "");
    if (continues && !isLast) continue;
    if (joined.trim() !== "") yield { line: start, text: joined.trim(), isCut: continues };
    joined = "";
    if (isLast) return;
  }
}

function noRequirement(text: string): string {
  return `${shown(text)} is no requirement`;
}

/** What a file says, fit for one line of a message. */
function shown(text: string): string {
  const plain = text.replace(/[\u0000-\u001f\u007f]+/g, " ").trim();
  return JSON.stringify(plain.length > 60 ? `${plain.slice(0, 60)}…` : plain);
}
