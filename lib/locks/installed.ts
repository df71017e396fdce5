import { readFileSync, readdirSync } from "node:fs";
import { isAbsolute, join, posix } from "node:path";
import { hasOption, optionValues, type Install } from "../doctor/dockerfile-rules/installs.ts";
import { platformArguments, readArg, readEnv, readStages, type Stage } from "../images/dockerfile-stages.ts";
import type { DockerfileSyntax, Instruction } from "../images/dockerfile-syntax.ts";
import { expandWord } from "../images/variable-expansion.ts";
import { shownPath } from "./requirement-files.ts";
import { commandsOfRun, keptPlace, prefixOf, readPythonInstall, takesPackages } from "./install-commands.ts";
import { readRequirement, readRequirementLines, type Requirement } from "./read-pins.ts";
import { absolute, matches, placedByCopy, placedByMounts, sourceOf, type Placed } from "./stage-files.ts";
import { readWheelName } from "./wheel-name.ts";

/** What an image's Dockerfile installs with pip and uv, beside what its base has. */
export interface Installed {
  /** In the order of the build: a later one of the same name wins. */
  requirements: InstalledRequirement[];
  /** Files that installs name and that are not there. */
  missing: MissingFile[];
  /** Variables by ENV, those of the base first. */
  environment: Map<string, string>;
  /** Image that FROM names at the end of the chain of stages. */
  base?: string;
}

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
interface Brought {
  requirements: InstalledRequirement[];
  /** `kept`: put into a folder as files (`pip download`, `pip wheel`). */
  how: "installed" | "kept";
  /** Folder of the wheels, or the prefix that the packages are installed below. */
  place: string;
}

interface StageResult {
  brought: Brought[];
  placed: Placed[];
  environment: Map<string, string>;
  base?: string;
}

/**
 * Reads what a Dockerfile installs in the stage that is built: `pip install`, `uv pip install` and `sync`, and our
 * `add-packages`; wheels and site folders that come from other stages; requirements files from the context.
 * What is not known before the build (a version from the network, a file of an image) is left out.
 */
export function readInstalled(syntax: DockerfileSyntax, options: InstalledOptions): Installed {
  return new InstallReader(syntax, options).read();
}

class InstallReader {
  private readonly stages: Stage[];
  private readonly globals: Map<string, string | undefined>;
  private readonly done = new Map<number, StageResult>();
  private readonly missing: MissingFile[] = [];
  private readonly syntax: DockerfileSyntax;
  private readonly options: InstalledOptions;

  constructor(syntax: DockerfileSyntax, options: InstalledOptions) {
    this.syntax = syntax;
    this.options = options;
    const platform = platformArguments("linux/amd64", "linux/amd64");
    const { stages, globals } = readStages(syntax, options.args, platform);
    this.stages = stages;
    this.globals = globals.values;
  }

  read(): Installed {
    const { target } = this.options;
    const index = (target ? this.stageIndex(target) : undefined) ?? this.stages.length - 1;
    const { brought, environment, base } = this.visit(index);
    const requirements = brought.filter(({ how }) => how === "installed").flatMap((one) => one.requirements);
    return { requirements, missing: this.missing, environment, ...(base !== undefined && { base }) };
  }

  private stageIndex(name: string): number | undefined {
    const byName = this.stages.findIndex((stage) => stage.name === name.toLowerCase());
    if (byName >= 0) return byName;
    return /^\d{1,4}$/.test(name) && Number(name) < this.stages.length ? Number(name) : undefined;
  }

  private visit(index: number): StageResult {
    const known = this.done.get(index);
    if (known) return known;
    const stage = this.stages[index]!;
    const result: StageResult = { brought: [], placed: [], environment: new Map() };
    this.done.set(index, result); // first: stages in a circle are said by the planner
    const isContext = Object.hasOwn(this.options.contexts, stage.base);
    const parent = isContext
      ? -1
      : this.stages.findIndex((one, at) => at < index && one.name === stage.base.toLowerCase());
    if (parent >= 0) {
      const below = this.visit(parent);
      result.brought.push(...below.brought);
      result.placed.push(...below.placed);
      result.environment = new Map(below.environment);
      if (below.base !== undefined) result.base = below.base;
    } else {
      result.base = this.imageOf(stage.base);
      result.environment = new Map(this.options.inherit(result.base));
    }
    const args = new Map<string, string | undefined>();
    let workdir = "/";
    const lookup = (name: string) => result.environment.get(name) ?? args.get(name);
    for (const instruction of stage.instructions) {
      const { keyword, rest } = instruction;
      if (keyword === "ARG") this.declare(instruction, args, lookup);
      else if (keyword === "ENV")
        for (const [name, value] of readEnv(instruction, this.syntax.escape).map(
          ({ name, value }) => [name, this.expand(value, lookup)] as const,
        ))
          result.environment.set(name, value);
      else if (keyword === "WORKDIR") workdir = absolute(this.expand(rest, lookup), workdir);
      else if (keyword === "COPY" || keyword === "ADD") this.copy(instruction, workdir, lookup, result);
      else if (keyword === "RUN") this.run(instruction, workdir, lookup, result);
    }
    return result;
  }

  /** A named context may stand for an image. */
  private imageOf(name: string): string {
    return this.options.contexts[name]?.replace(/^docker-image:\/\//, "") ?? name;
  }

  private declare(
    instruction: Instruction,
    args: Map<string, string | undefined>,
    lookup: (name: string) => string | undefined,
  ): void {
    for (const { name, value } of readArg(instruction, this.syntax.escape)) {
      const own = value === undefined ? undefined : this.expand(value, lookup);
      args.set(name, this.options.args[name] ?? own ?? this.globals.get(name) ?? "");
    }
  }

  private expand(word: string, lookup: (name: string) => string | undefined): string {
    return expandWord(word, lookup, this.syntax.escape).text;
  }

  private copy(
    instruction: Instruction,
    workdir: string,
    lookup: (name: string) => string | undefined,
    result: StageResult,
  ): void {
    const placed = placedByCopy(instruction, this.syntax.file, workdir, lookup);
    if (!placed) return;
    result.placed.push(placed);
    const stage = placed.from === undefined ? undefined : this.stageIndex(placed.from);
    if (stage === undefined) return;
    const { brought } = this.visit(stage);
    for (const source of placed.sources.map((path) => absolute(path, "/")))
      result.brought.push(
        ...brought.filter(({ how, place }) => how === "installed" && takesPackages(source, place)),
      );
  }

  private run(
    instruction: Instruction,
    workdir: string,
    lookup: (name: string) => string | undefined,
    result: StageResult,
  ): void {
    const placed = [...placedByMounts(instruction, workdir, lookup), ...[...result.placed].reverse()];
    let folder = workdir;
    for (const { words } of commandsOfRun(instruction, lookup)) {
      if (words[0] === "cd" && words[1] !== undefined) folder = absolute(words[1], folder);
      const install = readPythonInstall(words);
      if (!install) continue;
      const how = /^(?:download|wheel)$/.test(install.action) ? "kept" : "installed";
      const step = { instruction, placed, folder };
      const requirements = [
        ...install.files.flatMap((file) => this.fromFile(file, install, step)),
        ...install.packages.flatMap((text) => this.fromWord(text, install, step)),
      ];
      const place = how === "kept" ? keptPlace(install, folder) : prefixOf(install, result.environment);
      if (requirements.length > 0) result.brought.push({ requirements, how, place });
    }
  }

  private fromWord(text: string, install: Install, step: Step): InstalledRequirement[] {
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
      const stage = one.from === undefined ? undefined : this.stageIndex(one.from);
      if (stage === undefined) return [];
      const inner = one.target === place ? one.sources[0] : sourceOf(one, place, undefined);
      if (inner === undefined) return [];
      const kept = this.visit(stage).brought.filter(({ how }) => how === "kept");
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

  private fromFile(word: string, install: Install, step: Step): InstalledRequirement[] {
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
      const stage = one.from === undefined ? undefined : this.stageIndex(one.from);
      if (stage !== undefined) {
        const below = [...this.visit(stage).placed].reverse();
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
    return named !== undefined && isAbsolute(named) && this.stageIndex(from) === undefined
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

interface Step {
  instruction: Instruction;
  /** Mounts first, then what was copied, the last first. */
  placed: Placed[];
  folder: string;
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // not there: the planner says so
  }
}
