import { copiedSources, type TakenSource } from "../../images/dockerfile-sources.ts";
import { platformArguments, readArg, readEnv } from "../../images/dockerfile-stages.ts";
import { readSyntax, type DockerfileSyntax, type Instruction } from "../../images/dockerfile-syntax.ts";
import { expandWord } from "../../images/variable-expansion.ts";
import { readCommands, readExec, watched, type Command } from "./commands.ts";
import type { DockerfileFacts } from "./finding.ts";
import { readInstall, type Install } from "./installs.ts";
import { ourBase, type OurBase } from "./references.ts";

/** One instruction of a stage, with what rules ask of it. */
export interface Step extends Instruction {
  /** Simple commands of a RUN. */
  commands: Command[];
  /** Those of them that install packages. */
  installs: Install[];
  /** `--mount` of a RUN. */
  mounts: Mount[];
  /** What COPY or ADD takes. */
  source?: TakenSource;
  /** Watched variables by ENV and ARG above this line. */
  variables: ReadonlyMap<string, string>;
}

export interface Mount {
  type: string;
  target: string;
  from?: string;
  /** The whole flag, for comparing. */
  text: string;
}

/** One stage. Also instructions without any FROM make one, so that a fragment can be looked at. */
export interface LintStage {
  index: number;
  name?: string;
  /** Line of FROM; 0 where there is none. */
  line: number;
  /** Image or stage after FROM, variables expanded; undefined where a variable has no value. */
  base?: string;
  /** The earlier stage that it stands on. */
  parent?: LintStage;
  /** Image that the chain of stages begins with. */
  root?: string;
  /** The shared base that the chain begins with. */
  ours?: OurBase;
  steps: Step[];
}

/** A Dockerfile as rules see it. */
export interface DockerfileModel {
  facts: DockerfileFacts;
  syntax: DockerfileSyntax;
  /** Lines of the text, for what the instructions do not carry. */
  lines: string[];
  stages: LintStage[];
  /** Stage by name or number, as `COPY --from` names it. */
  stageNamed(name: string): LintStage | undefined;
  /** Stage that is built. */
  final: LintStage;
  /** Stages whose layers the image has: the final one and those below it. */
  inImage: ReadonlySet<LintStage>;
}

/** Reads a Dockerfile for the rules. Throws a UserError where `readSyntax` does. */
export function readModel(facts: DockerfileFacts): DockerfileModel {
  const syntax = readSyntax(facts.text, facts.path);
  const stages = readLintStages(syntax, facts);
  const byName = new Map(stages.map((stage) => [stage.name, stage]).reverse() as [string, LintStage][]);
  const stageNamed = (name: string): LintStage | undefined =>
    byName.get(name.toLowerCase()) ?? (/^\d{1,5}$/.test(name) ? stages[Number(name)] : undefined);
  const final = (facts.target ? stageNamed(facts.target) : undefined) ?? stages.at(-1)!;
  const inImage = new Set<LintStage>();
  for (let stage: LintStage | undefined = final; stage; stage = stage.parent) inImage.add(stage);
  return { facts, syntax, lines: facts.text.split("\n"), stages, stageNamed, final, inImage };
}

function readLintStages(syntax: DockerfileSyntax, facts: DockerfileFacts): LintStage[] {
  const { escape } = syntax;
  const globals = platformArguments("linux/amd64", "linux/amd64");
  const byName = new Map<string, LintStage>();
  const stages: LintStage[] = [];
  let variables: ReadonlyMap<string, string> = new Map();
  const inherited = new Map<LintStage, ReadonlyMap<string, string>>();
  for (const instruction of syntax.instructions) {
    if (instruction.keyword === "FROM") {
      if (stages.length > 0) inherited.set(stages.at(-1)!, variables);
      const stage = readFrom(instruction, stages.length, globals, byName, facts, escape);
      stages.push(stage);
      if (stage.name && !byName.has(stage.name)) byName.set(stage.name, stage);
      variables = (stage.parent && inherited.get(stage.parent)) ?? new Map();
    } else if (stages.length === 0 && instruction.keyword === "ARG") {
      for (const { name, value } of readArg(instruction, escape)) {
        const expanded =
          value === undefined ? undefined : expandWord(value, (key) => globals.get(key), escape).text;
        const result = facts.args?.[name] ?? expanded;
        if (result !== undefined) globals.set(name, result);
      }
    } else {
      if (stages.length === 0) stages.push({ index: 0, line: 0, steps: [] });
      stages.at(-1)!.steps.push(readStep(instruction, variables, syntax));
      variables = withVariables(variables, instruction, facts, escape);
    }
  }
  if (stages.length === 0) stages.push({ index: 0, line: 0, steps: [] });
  return stages;
}

function readFrom(
  instruction: Instruction,
  index: number,
  globals: Map<string, string>,
  byName: Map<string, LintStage>,
  facts: DockerfileFacts,
  escape: string,
): LintStage {
  const words = instruction.rest.split(/\s+/);
  const { text, unset, problem, unknown } = expandWord(words[0]!, (name) => globals.get(name), escape);
  const stage: LintStage = { index, line: instruction.line, steps: [] };
  if (words[1]?.toLowerCase() === "as" && words[2]) stage.name = words[2].toLowerCase();
  if (!text || unset.length > 0 || (problem ?? unknown) !== undefined) return stage;
  const parent = isContext(text, facts) ? undefined : byName.get(text.toLowerCase());
  stage.base = text;
  if (parent) stage.parent = parent;
  const root = parent ? parent.root : text;
  if (root !== undefined) stage.root = root;
  const ours = parent ? parent.ours : ourBase(text, facts);
  if (ours) stage.ours = ours;
  return stage;
}

/** Whether a name means a further context of the build. */
export function isContext(name: string, facts: DockerfileFacts): boolean {
  return facts.contexts?.some((context) => context.toLowerCase() === name.toLowerCase()) ?? false;
}

function readStep(
  instruction: Instruction,
  variables: ReadonlyMap<string, string>,
  syntax: DockerfileSyntax,
): Step {
  const commands = instruction.keyword === "RUN" ? runCommands(instruction) : [];
  const installs = commands.flatMap((command) => readInstall(command) ?? []);
  const mounts = instruction.flags
    .filter(({ name }) => name === "mount")
    .map(({ value }) => readMount(value));
  const source = sourceOf(instruction, syntax.file);
  return { ...instruction, commands, installs, mounts, variables, ...(source && { source }) };
}

function runCommands({ rest, heredocs }: Instruction): Command[] {
  if (rest.startsWith("[")) {
    try {
      const list: unknown = JSON.parse(rest);
      if (Array.isArray(list) && list.every((word) => typeof word === "string")) return readExec(list);
    } catch {
      // Not JSON after all: Docker then takes it as a shell text.
    }
  }
  const script = /^(?:(?:\/bin\/)?(?:ba|da)?sh(?:\s+-\w+)*\s*)?<<-?["']?[\w.]+["']?$/.test(rest);
  if (script && heredocs.length === 1) {
    const { body } = heredocs[0]!;
    return /^\s*#!(?!.*\b(?:ba|da)?sh\b)/.test(body) ? [] : readCommands(body);
  }
  return readCommands(rest);
}

function sourceOf(instruction: Instruction, file: string): TakenSource | undefined {
  if (instruction.keyword !== "COPY" && instruction.keyword !== "ADD") return undefined;
  try {
    // A comment at the line's end is said by a rule of its own; here the line counts as it was meant.
    return copiedSources({ ...instruction, rest: instruction.rest.replace(/\s#\s.*$/s, "") }, file);
  } catch {
    return undefined; // said by the rule about syntax
  }
}

function readMount(text: string): Mount {
  const fields = new Map<string, string>();
  for (const field of text.split(",")) {
    const [, key = "", value = ""] = /^\s*([^=]*)=?"?(.*?)"?$/s.exec(field) ?? [];
    fields.set(key.toLowerCase(), value);
  }
  const from = fields.get("from");
  return {
    type: fields.get("type") ?? "bind",
    target: fields.get("target") ?? fields.get("dst") ?? fields.get("destination") ?? "",
    ...(from !== undefined && { from }),
    text,
  };
}

function withVariables(
  before: ReadonlyMap<string, string>,
  instruction: Instruction,
  facts: DockerfileFacts,
  escape: string,
): ReadonlyMap<string, string> {
  const { keyword } = instruction;
  if (keyword !== "ENV" && keyword !== "ARG") return before;
  const set = keyword === "ENV" ? readEnv(instruction, escape) : readArg(instruction, escape);
  let after: Map<string, string> | undefined;
  for (const { name, value } of set) {
    if (!watched.has(name)) continue;
    const given = keyword === "ARG" ? facts.args?.[name] : undefined;
    const text = given ?? (value === undefined ? undefined : expandWord(value, () => undefined, escape).text);
    if (text !== undefined) (after ??= new Map(before)).set(name, text);
  }
  return after ?? before;
}
