import { readFileSync, readdirSync } from "node:fs";
import { isAbsolute, join, posix } from "node:path";
import { hasOption, optionValues, type Install } from "../doctor/dockerfile-rules/installs.ts";
import type { DockerfileSyntax, Instruction } from "../images/dockerfile-syntax.ts";
import { readRequirement, readRequirementLines, type Requirement } from "./read-pins.ts";
import { shownPath } from "./requirement-files.ts";
import { absolute, matches, sourceOf, type Placed } from "./stage-files.ts";
import { readWheelName } from "./wheel-name.ts";

export interface InstalledRequirement extends Requirement {
  /** Installed by itself, so nothing else has to fit it (`--no-deps`). */
  noDeps: boolean;
  /** Requirements file or lock that it stands in, relative to the project. */
  file?: string;
}

export interface MissingFile {
  /** Absolute path. */
  path: string;
  /** Line of the Dockerfile that needs it, e.g. `"services/whisperx/Dockerfile:31"`. */
  from: string;
}

export interface InstalledOptions {
  /** The project's folder; `from` is relative to it. */
  root: string;
  /** The Dockerfile's text, for lines. */
  text: string;
  context: string;
  contexts: Record<string, string>;
  args: Record<string, string>;
  target?: string;
  python: string;
  /** ENV of an image of the same stack; undefined for any other. */
  inherit: (reference: string) => Map<string, string> | undefined;
  /** How a file of the project is made again, for messages. */
  remedyOf: (path: string) => string | undefined;
}

/** Packages that one command brings to one place of a stage. */
export interface Brought {
  requirements: InstalledRequirement[];
  /** `kept`: put into a folder as files (`pip download`, `pip wheel`). */
  how: "installed" | "kept";
  /** Folder of the wheels, or the prefix that the packages are installed below. */
  place: string;
}

export interface StageResult {
  brought: Brought[];
  placed: Placed[];
  environment: Map<string, string>;
  base?: string;
}

export interface Step {
  instruction: Instruction;
  /** Mounts first, then what was copied, the last first. */
  placed: Placed[];
  folder: string;
}

/** The stages of the same Dockerfile. */
interface Stages {
  visit(index: number): StageResult;
  stageIndex(name: string): number | undefined;
}

/** Finds what the words and files behind one install ask for, in the context and in other stages. */
export class StageRequirements {
  readonly missing: MissingFile[] = [];
  private readonly syntax: DockerfileSyntax;
  private readonly options: InstalledOptions;
  private readonly stages: Stages;

  constructor(syntax: DockerfileSyntax, options: InstalledOptions, stages: Stages) {
    this.syntax = syntax;
    this.options = options;
    this.stages = stages;
  }

  fromWord(text: string, install: Install, step: Step): InstalledRequirement[] {
    const noDeps = hasOption(install, "--no-deps");
    if (/\.whl$|\.tar\.gz$/.test(text) && !text.includes("://")) return this.fromWheels(text, step, noDeps);
    const from = `${this.syntax.file}:${this.lineOf(text, step.instruction)}`;
    const found = readRequirement(text, from, this.options.python);
    if (typeof found !== "object") return [];
    if (found.version !== undefined) return [{ ...found, noDeps }];
    const kept = optionValues(install, "--find-links", "-f").flatMap((place) =>
      this.keptAt(absolute(place, step.folder), step).filter(({ name }) => name === found.name),
    );
    return kept.length > 0 ? kept.map((one) => ({ ...one, noDeps })) : [{ ...found, noDeps }];
  }

  /** Wheels in a folder: those that another stage put there, or files of the context. */
  private fromWheels(pattern: string, step: Step, noDeps: boolean): InstalledRequirement[] {
    const path = absolute(pattern, step.folder);
    const name = posix.basename(path);
    const stem = name.includes("*") ? name.slice(0, name.indexOf("*")) : (readWheelName(name)?.name ?? name);
    const start = stem
      .toLowerCase()
      .replace(/[-_.]+/g, "-")
      .replace(/-$/, "");
    const kept = this.keptAt(posix.dirname(path), step).filter((one) => one.name.startsWith(start));
    return [...kept, ...this.wheelsOfContext(path, step)].map((one) => ({ ...one, noDeps }));
  }

  private keptAt(place: string, { placed }: Step): InstalledRequirement[] {
    return placed.flatMap((one) => {
      const stage = one.from === undefined ? undefined : this.stages.stageIndex(one.from);
      if (stage === undefined) return [];
      const inner = one.target === place ? one.sources[0] : sourceOf(one, place, undefined);
      if (inner === undefined) return [];
      const kept = this.stages.visit(stage).brought.filter(({ how }) => how === "kept");
      return kept.filter((one) => one.place === absolute(inner, "/")).flatMap((one) => one.requirements);
    });
  }

  private wheelsOfContext(path: string, { placed, instruction }: Step): InstalledRequirement[] {
    for (const one of placed) {
      const folder = this.folderOf(one);
      const source = folder === undefined ? undefined : sourceOf(one, path, folder);
      if (folder === undefined || source === undefined) continue;
      const from = `${this.syntax.file}:${instruction.line}`;
      return filesIn(join(folder, posix.dirname(source)))
        .filter((name) => matches(name, posix.basename(source)))
        .flatMap((name) => readRequirement(`./${name}`, from, this.options.python))
        .flatMap((found) => (typeof found === "object" ? [{ ...found, noDeps: true }] : []));
    }
    return [];
  }

  fromFile(word: string, install: Install, step: Step): InstalledRequirement[] {
    if (word.includes("://")) return [];
    return this.readAt(absolute(word, step.folder), install, step.placed, step.instruction, 0);
  }

  /** Requirements of a file at this path of a stage. */
  private readAt(
    path: string,
    install: Install,
    placed: Placed[],
    instruction: Instruction,
    depth: number,
  ): InstalledRequirement[] {
    if (depth > 8) return [];
    for (const one of placed) {
      if (one.text !== undefined) {
        if (one.target === path) return this.parse(one.text, this.syntax.file, install, [], one.line);
        continue;
      }
      const folder = this.folderOf(one);
      const source = sourceOf(one, path, folder);
      if (source === undefined) continue;
      const stage = one.from === undefined ? undefined : this.stages.stageIndex(one.from);
      if (stage !== undefined) {
        const below = [...this.stages.visit(stage).placed].reverse();
        return this.readAt(absolute(source, "/"), install, below, instruction, depth + 1);
      }
      if (folder === undefined) return [];
      return this.readFile(join(folder, source), install, instruction, depth);
    }
    return [];
  }

  private readFile(
    path: string,
    install: Install,
    instruction: Instruction,
    depth: number,
  ): InstalledRequirement[] {
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch {
      const from = `${this.syntax.file}:${instruction.line}`;
      if (!this.missing.some((one) => one.path === path)) this.missing.push({ path, from });
      return [];
    }
    const shown = shownPath(this.options.root, path);
    const nested: string[] = [];
    const found = this.parse(text, shown, install, nested);
    const further = depth < 8 ? nested.map((name) => join(path, "..", name)) : [];
    return [...further.flatMap((other) => this.readFile(other, install, instruction, depth + 1)), ...found];
  }

  private parse(
    text: string,
    file: string,
    install: Install,
    nested: string[],
    firstLine = 0,
  ): InstalledRequirement[] {
    const remedy = this.options.remedyOf(join(this.options.root, file));
    const { requirements, files } = readRequirementLines(text, file, {
      python: this.options.python,
      requireHashes: hasOption(install, "--require-hashes"),
      ...(remedy !== undefined && { remedy }),
    });
    nested.push(...files.map(({ path }) => path));
    const noDeps = hasOption(install, "--no-deps");
    const moved = (from: string) => from.replace(/\d+$/, (line) => String(Number(line) + firstLine));
    return requirements.map((one) => ({ ...one, from: moved(one.from), noDeps, file }));
  }

  /** Folder on this machine that a COPY or mount takes from; undefined for a stage or an image. */
  private folderOf({ from }: Placed): string | undefined {
    if (from === undefined) return this.options.context;
    const named = this.options.contexts[from];
    return named !== undefined && isAbsolute(named) && this.stages.stageIndex(from) === undefined
      ? named
      : undefined;
  }

  /** Line of a word of an instruction that goes over several. */
  private lineOf(text: string, instruction: Instruction): number {
    const { line } = instruction;
    const lines = this.options.text.split("\n").slice(line - 1);
    const last = lines.findIndex((one) => !/\\\s*$/.test(one) && !/^\s*#/.test(one));
    const at = lines
      .slice(0, last + 1)
      .findIndex((one) => one.includes(text) || one.includes(`${text.split("==")[0]}==`));
    return at < 0 ? line : line + at;
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // not there: the planner says so
  }
}
