import { dockerfileError, flagOf, type DockerfileSyntax, type Instruction } from "./dockerfile-syntax.ts";
import { expandWord, splitQuoted } from "./variable-expansion.ts";

/** One stage: from a FROM to the next. */
export interface Stage {
  /** Name after AS, in lower case. */
  name?: string;
  /** What FROM names, variables expanded: a stage or an image. */
  base: string;
  from: Instruction;
  instructions: Instruction[];
  /** Global ARGs that the FROM line needs. */
  globalsUsed: Set<string>;
}

/** Variables before the first FROM: their values, and what each needs from the others. */
export interface Globals {
  values: Map<string, string | undefined>;
  /** The ARG instruction of each, for the hash. */
  instructions: Map<string, { instruction: Instruction; needs: Set<string> }>;
}

/** Values that BuildKit sets by itself in the global scope, for one platform such as `"linux/amd64"`. */
export function platformArguments(platform: string, buildPlatform: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [prefix, text] of [
    ["TARGET", platform],
    ["BUILD", buildPlatform],
  ] as const) {
    const [os = "", arch = "", variant = ""] = text.split("/");
    values.set(`${prefix}PLATFORM`, text);
    values.set(`${prefix}OS`, os);
    values.set(`${prefix}ARCH`, arch);
    values.set(`${prefix}VARIANT`, variant);
  }
  return values;
}

/** Names and default values that one ARG instruction declares. */
export function readArg(instruction: Instruction, escape: string): { name: string; value?: string }[] {
  return splitQuoted(instruction.rest, escape).map((word) => {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    return equals < 0 ? { name } : { name, value: word.slice(equals + 1) };
  });
}

/** Names and values that one ENV instruction sets; also its old form `ENV NAME some words`. */
export function readEnv(instruction: Instruction, escape: string): { name: string; value: string }[] {
  const words = splitQuoted(instruction.rest, escape);
  if (words[0] && !words[0].includes("=")) {
    const value = instruction.rest.slice(words[0].length).trim();
    return [{ name: words[0], value }];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    return { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
}

/**
 * Groups instructions into stages and expands every FROM.
 * Throws a UserError with file and line: no FROM, a variable in FROM without a value, two stages of one name.
 */
export function readStages(
  syntax: DockerfileSyntax,
  args: Record<string, string>,
  platform: Map<string, string>,
): { stages: Stage[]; globals: Globals } {
  const { file, escape } = syntax;
  const globals: Globals = { values: new Map(platform), instructions: new Map() };
  const stages: Stage[] = [];
  for (const instruction of syntax.instructions) {
    if (instruction.keyword === "FROM") stages.push(readFrom(instruction, stages, globals, syntax));
    else if (stages.length > 0) stages.at(-1)!.instructions.push(instruction);
    else if (instruction.keyword === "ARG") readGlobalArg(instruction, globals, args, escape);
    else throw dockerfileError(file, instruction.line, `${instruction.keyword} stands before the first FROM`);
  }
  if (stages.length === 0) throw dockerfileError(file, 1, "there is no FROM in this Dockerfile");
  return { stages, globals };
}

function readGlobalArg(
  instruction: Instruction,
  globals: Globals,
  args: Record<string, string>,
  escape: string,
): void {
  for (const { name, value } of readArg(instruction, escape)) {
    const needs = new Set<string>();
    const expanded =
      value === undefined ? undefined : expandWord(value, recording(globals.values, needs), escape).text;
    const earlier = globals.values.get(name);
    globals.values.set(name, args[name] ?? expanded ?? earlier);
    globals.instructions.set(name, { instruction, needs });
  }
}

function readFrom(
  instruction: Instruction,
  earlier: Stage[],
  globals: Globals,
  syntax: DockerfileSyntax,
): Stage {
  const { file, escape } = syntax;
  const { line } = instruction;
  const words = instruction.rest.split(/\s+/);
  if (words.length !== 1 && !(words.length === 3 && words[1]!.toLowerCase() === "as"))
    throw dockerfileError(
      file,
      line,
      `FROM must be "FROM image" or "FROM image AS name", got "FROM ${instruction.rest}"`,
    );
  const globalsUsed = new Set<string>();
  const lookup = recording(globals.values, globalsUsed);
  const { text: base, unset, problem, unknown } = expandWord(words[0]!, lookup, escape);
  if (problem ?? unknown) throw dockerfileError(file, line, `FROM ${words[0]}: ${problem ?? unknown}`);
  if (unset.length > 0)
    throw dockerfileError(
      file,
      line,
      `FROM ${words[0]}: the argument ${unset[0]} has no value; set it in args or give its ARG a default`,
    );
  if (!base) throw dockerfileError(file, line, `FROM ${words[0]} is empty once its arguments are filled in`);
  expandWord(flagOf(instruction, "platform") ?? "", lookup, escape);
  const name = words[2]?.toLowerCase();
  if (name && !/^[a-z][a-z0-9_.-]*$/.test(name))
    throw dockerfileError(file, line, `"${words[2]}" cannot be the name of a stage`);
  if (name && earlier.some((stage) => stage.name === name))
    throw dockerfileError(file, line, `the stage name "${name}" is taken by an earlier stage`);
  return { ...(name && { name }), base, from: instruction, instructions: [], globalsUsed };
}

/** A lookup that notes what was asked for. */
export function recording(
  values: Map<string, string | undefined>,
  asked: Set<string>,
): (name: string) => string | undefined {
  return (name) => {
    asked.add(name);
    return values.get(name);
  };
}
