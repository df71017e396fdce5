import { contextName, normalName, parseReference } from "./image-reference.ts";
import type { DockerfileInputs, ImageUse, Inherited, ReadOptions } from "./build-inputs.ts";
import { copiedSources, mountedSources, type TakenSource } from "./dockerfile-sources.ts";
import {
  platformArguments,
  readArg,
  readEnv,
  readStages,
  type Globals,
  type Stage,
} from "./dockerfile-stages.ts";
import {
  dockerfileError,
  readOneInstruction,
  type DockerfileSyntax,
  type Instruction,
} from "./dockerfile-syntax.ts";
import { expandWord } from "./variable-expansion.ts";

/** Reads what the build of `options.target` takes in. Throws a UserError with file and line where the Dockerfile cannot be built. */
export function readInputs(syntax: DockerfileSyntax, options: ReadOptions): DockerfileInputs {
  return new InputReader(syntax, options).read();
}

class InputReader {
  private readonly stages: Stage[];
  private readonly globals: Globals;
  private readonly contextNames: Map<string, string>;
  private readonly done = new Map<number, Inherited>();
  private readonly inProgress: number[] = [];
  private readonly globalsUsed = new Set<string>();
  private readonly found: DockerfileInputs;
  private readonly syntax: DockerfileSyntax;
  private readonly options: ReadOptions;

  constructor(syntax: DockerfileSyntax, options: ReadOptions) {
    this.syntax = syntax;
    this.options = options;
    const platform = platformArguments(options.platform, options.buildPlatform);
    ({ stages: this.stages, globals: this.globals } = readStages(syntax, options.args, platform));
    this.contextNames = new Map(options.contexts.map((name) => [keyOf(name), name]));
    const stageNames = new Map(
      this.stages.flatMap(({ name, from }) => (name ? [[name, from.line] as const] : [])),
    );
    this.found = {
      images: [],
      sources: [],
      contexts: [],
      args: new Map(),
      text: "",
      target: "last",
      instructions: [],
      targetIndex: 0,
      stages: new Map(),
      stageNames,
      ...(syntax.syntax !== undefined && { syntax: syntax.syntax }),
      result: { env: new Map(), envComplete: false, onbuild: [] },
    };
  }

  read(): DockerfileInputs {
    const target = this.findTarget();
    this.found.targetIndex = target;
    this.found.target =
      this.stages[target]!.name ?? (target === this.stages.length - 1 ? "last" : `#${target}`);
    this.found.result = this.visit(target, this.stages[target]!.from.line);
    const lines = [...this.globalLines()];
    for (const index of [...this.done.keys()].sort((a, b) => a - b)) {
      const stage = this.stages[index]!;
      lines.push(...[stage.from, ...stage.instructions].map(spelling));
    }
    if (this.syntax.syntax) lines.unshift(`# syntax=${this.syntax.syntax}`);
    this.found.text = lines.join("\n");
    return this.found;
  }

  private findTarget(): number {
    const { target } = this.options;
    if (target === undefined || target === "") return this.stages.length - 1;
    const index = this.stageIndex(target);
    if (index === undefined)
      throw dockerfileError(
        this.syntax.file,
        1,
        `there is no stage "${target}"; stages are ${[...this.found.stageNames.keys()].join(", ") || "unnamed"}`,
      );
    return index;
  }

  private stageIndex(name: string): number | undefined {
    const byName = this.stages.findIndex((stage) => stage.name === name.toLowerCase());
    if (byName >= 0) return byName;
    return /^\d+$/.test(name) && Number(name) < this.stages.length ? Number(name) : undefined;
  }

  /** Reads one stage with everything that it needs. */
  private visit(index: number, line: number): Inherited {
    const known = this.done.get(index);
    if (known) return known;
    if (this.inProgress.includes(index))
      throw dockerfileError(this.syntax.file, line, "stages depend on each other in a circle");
    this.inProgress.push(index);
    const stage = this.stages[index]!;
    for (const name of stage.globalsUsed) this.globalsUsed.add(name);
    const base = this.base(stage, index);
    const inherited: Inherited = { ...base, env: new Map(base.env), onbuild: [] };
    const values = new Map<string, string | undefined>();
    const { file, escape } = this.syntax;
    const triggers = base.onbuild.map((text) => readOneInstruction(text, file, stage.from.line, escape));
    const { name } = stage;
    this.found.stages.set(index, { ...(name !== undefined && { name }), base: stage.base });
    for (const instruction of [...triggers, ...stage.instructions]) {
      this.instruction(instruction, inherited, values);
      if (["RUN", "COPY", "ADD", "WORKDIR"].includes(instruction.keyword))
        this.found.instructions.push({
          stage: index,
          instruction,
          env: Object.fromEntries(inherited.env),
          args: Object.fromEntries(values),
        });
    }
    this.inProgress.pop();
    this.done.set(index, inherited);
    return inherited;
  }

  private base(stage: Stage, index: number): Inherited {
    const unknown: Inherited = { env: new Map(), envComplete: false, onbuild: [] };
    const earlier = this.stages.findIndex(
      (other, at) => at < index && other.name === stage.base.toLowerCase(),
    );
    if (earlier >= 0 && !this.contextNames.has(keyOf(stage.base)))
      return this.visit(earlier, stage.from.line);
    if (stage.base.toLowerCase() === "scratch") return { ...unknown, envComplete: true };
    if (this.takesContext(stage.base, ["."], "mount", stage.from.line)) return unknown;
    return { ...(this.takesImage(stage.base, stage.from.line, "FROM") ?? unknown), base: stage.base };
  }

  private instruction(
    instruction: Instruction,
    stage: Inherited,
    args: Map<string, string | undefined>,
  ): void {
    const { escape, file } = this.syntax;
    const lookup = (name: string): string | undefined => stage.env.get(name) ?? args.get(name);
    if (instruction.keyword === "ARG") {
      for (const { name, value } of readArg(instruction, escape)) {
        if (this.globals.values.has(name)) this.globalsUsed.add(name);
        const own = value === undefined ? undefined : expandWord(value, lookup, escape).text;
        const result = this.options.args[name] ?? own ?? this.globals.values.get(name);
        args.set(name, result);
        if (result !== undefined || !this.found.args.has(name)) this.found.args.set(name, result);
      }
    } else if (instruction.keyword === "ENV") {
      const set = readEnv(instruction, escape).map(
        ({ name, value }) => [name, expandWord(value, lookup, escape).text] as const,
      );
      for (const [name, value] of set) stage.env.set(name, value);
    } else if (instruction.keyword === "ONBUILD") {
      readOneInstruction(instruction.rest, file, instruction.line, escape);
      stage.onbuild.push(instruction.rest);
    } else if (instruction.keyword === "COPY" || instruction.keyword === "ADD") {
      const source = copiedSources(instruction, file);
      if (source) this.takes(source, instruction, lookup, stage.envComplete);
    } else if (instruction.keyword === "RUN") {
      for (const source of mountedSources(instruction, file))
        this.takes(source, instruction, lookup, stage.envComplete);
    }
  }

  private takes(
    source: TakenSource,
    instruction: Instruction,
    lookup: (name: string) => string | undefined,
    complete: boolean,
  ): void {
    const { file, escape } = this.syntax;
    const paths = source.paths.map((word) => {
      const { text, unset, problem, unknown } = expandWord(word, lookup, escape);
      if (problem)
        throw dockerfileError(file, instruction.line, `${instruction.keyword} ${word}: ${problem}`);
      // A variable that the external base image may set: take everything rather than miss a change.
      return unknown || (unset.length > 0 && !complete) ? "." : text;
    });
    const by = instruction.keyword === "RUN" ? "RUN --mount" : "COPY --from";
    if (source.from === undefined) return this.addSources(undefined, paths, source, instruction.line);
    if (source.from.includes("$"))
      throw dockerfileError(
        file,
        instruction.line,
        `${by}=${source.from}: BuildKit expands no variable here; add a stage "FROM ${source.from} AS name" and name that`,
      );
    const stage = this.stageIndex(source.from);
    if (stage !== undefined && !this.contextNames.has(keyOf(source.from)))
      return void this.visit(stage, instruction.line);
    if (source.from.toLowerCase() === "scratch") return;
    if (this.takesContext(source.from, paths, source.kind, instruction.line, source.parents)) return;
    this.takesImage(source.from, instruction.line, by);
  }

  private takesContext(
    from: string,
    paths: string[],
    kind: "copy" | "mount",
    line: number,
    parents?: boolean,
  ): boolean {
    const name = this.contextNames.get(keyOf(from));
    if (name === undefined) return false;
    if (!this.found.contexts.includes(name)) this.found.contexts.push(name);
    this.addSources(name, paths, { kind, ...(parents && { parents }) }, line);
    return true;
  }

  private addSources(
    context: string | undefined,
    paths: string[],
    source: Pick<TakenSource, "kind" | "parents">,
    line: number,
  ): void {
    for (const path of paths)
      this.found.sources.push({
        ...(context !== undefined && { context }),
        path,
        kind: source.kind,
        ...(source.parents && { parents: true }),
        line,
      });
  }

  private takesImage(reference: string, line: number, by: ImageUse["by"]): Inherited | undefined {
    if (!parseReference(reference))
      throw dockerfileError(
        this.syntax.file,
        line,
        `${by}: "${reference}" is neither a stage nor an image reference`,
      );
    if (!this.found.images.some((use) => normalName(use.reference) === normalName(reference)))
      this.found.images.push({ reference, line, by });
    return this.options.inherit(reference);
  }

  /** The ARGs before the first FROM that something needs. */
  private globalLines(): string[] {
    const pending = [...this.globalsUsed];
    const needed = new Set<string>();
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (needed.has(name)) continue;
      needed.add(name);
      pending.push(...(this.globals.instructions.get(name)?.needs ?? []));
      const value = this.globals.values.get(name);
      if (this.globals.instructions.has(name) && !this.found.args.has(name)) this.found.args.set(name, value);
    }
    return [...this.globals.instructions]
      .filter(([name]) => needed.has(name))
      .map(([, { instruction }]) => spelling(instruction));
  }
}

function keyOf(name: string): string {
  const reference = parseReference(name.toLowerCase());
  return reference ? contextName(reference) : name.toLowerCase();
}

function spelling(instruction: Instruction): string {
  const flags = instruction.flags.map(({ name, value }) => `--${name}=${value}`);
  const bodies = instruction.heredocs.map(({ name, body }) => `\n${name}:${body.length}\n${body}`);
  return [instruction.keyword, ...flags, instruction.rest].join(" ") + bodies.join("");
}
