import { platformArguments, readArg, readEnv, readStages, type Stage } from "../images/dockerfile-stages.ts";
import type { DockerfileSyntax, Instruction } from "../images/dockerfile-syntax.ts";
import { expandWord } from "../images/variable-expansion.ts";
import { commandsOfRun, keptPlace, prefixOf, readPythonInstall, takesPackages } from "./install-commands.ts";
import { absolute, placedByCopy, placedByMounts } from "./stage-files.ts";
import {
  StageRequirements,
  type InstalledOptions,
  type InstalledRequirement,
  type MissingFile,
  type StageResult,
} from "./stage-requirements.ts";

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
  private readonly wanted: StageRequirements;
  private readonly syntax: DockerfileSyntax;
  private readonly options: InstalledOptions;

  constructor(syntax: DockerfileSyntax, options: InstalledOptions) {
    this.syntax = syntax;
    this.options = options;
    this.wanted = new StageRequirements(syntax, options, this);
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
    return { requirements, missing: this.wanted.missing, environment, ...(base !== undefined && { base }) };
  }

  stageIndex(name: string): number | undefined {
    const byName = this.stages.findIndex((stage) => stage.name === name.toLowerCase());
    if (byName >= 0) return byName;
    return /^\d{1,4}$/.test(name) && Number(name) < this.stages.length ? Number(name) : undefined;
  }

  visit(index: number): StageResult {
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
        ...install.files.flatMap((file) => this.wanted.fromFile(file, install, step)),
        ...install.packages.flatMap((text) => this.wanted.fromWord(text, install, step)),
      ];
      const place = how === "kept" ? keptPlace(install, folder) : prefixOf(install, result.environment);
      if (requirements.length > 0) result.brought.push({ requirements, how, place });
    }
  }
}
