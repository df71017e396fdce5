import { DockerfileParser } from "dockerfile-ast";
import { UserError } from "../errors.ts";

/** One instruction as the file has it, continuation lines joined and comments gone. */
export interface Instruction {
  /** In capitals, e.g. `"COPY"`. */
  keyword: string;
  /** `--name=value` flags in front, e.g. `{ name: "from", value: "builder" }`; a flag without value has `"true"`. */
  flags: { name: string; value: string }[];
  /** What follows keyword and flags; a here-document's body is not in it. */
  rest: string;
  /** Bodies of here-documents, as they stand. */
  heredocs: { name: string; body: string }[];
  /** Line in the file, from 1. */
  line: number;
}

/** A Dockerfile cut into instructions. */
export interface DockerfileSyntax {
  /** Where it was read, for messages. */
  file: string;
  /** Character that continues a line and takes the meaning from the next character. */
  escape: "\\" | "`";
  /** Value of a `# syntax=` line: another frontend, fetched at build time. */
  syntax?: string;
  instructions: Instruction[];
}

const keywords = new Set(
  "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR".split(
    " ",
  ),
);
const withFlags = new Set(["ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"]);

/** Error at a line of a Dockerfile, e.g. `services/a/Dockerfile:3: …`. */
export function dockerfileError(file: string, line: number, problem: string): UserError {
  return new UserError(`${file}:${line}: ${problem}`);
}

/** Cuts a Dockerfile into instructions. Throws a UserError that names file and line where it is none. */
export function readSyntax(text: string, file: string): DockerfileSyntax {
  const source = text.replace(/^\uFEFF/, "").replace(/\r\n/g, "\n");
  const { escape, syntax } = readDirectives(source);
  const lines = source.split("\n");
  const instructions: Instruction[] = [];
  for (const item of DockerfileParser.parse(source).getInstructions()) {
    const range = item.getRange();
    const line = range.start.line + 1;
    const keyword = item.getKeyword().toUpperCase();
    if (!keywords.has(keyword))
      throw dockerfileError(file, line, `unknown instruction ${item.getInstruction()}`);
    const heredocs = readHeredocs(item, lines);
    // The first here-document begins below the instruction's own (maybe continued) line.
    const end = heredocs[0] ? heredocs[0].firstLine : range.end.line + 1;
    const joined = joinLines(lines.slice(range.start.line, end), escape).trim();
    const rest = joined.slice(item.getInstruction().length).trim();
    const cut = withFlags.has(keyword) ? cutFlags(rest, escape) : { flags: [], rest };
    if (!cut.rest && keyword !== "MAINTAINER")
      throw dockerfileError(file, line, `${keyword} needs an argument`);
    instructions.push({
      keyword,
      ...cut,
      line,
      heredocs: heredocs.map(({ name, body }) => ({ name, body })),
    });
  }
  return { file, escape, instructions, ...(syntax !== undefined && { syntax }) };
}

/** Cuts the instruction that follows ONBUILD, or one that an image carries in its configuration. */
export function readOneInstruction(
  text: string,
  file: string,
  line: number,
  escape: "\\" | "`",
): Instruction {
  const match = /^(\w+)\s+([\s\S]*)$/.exec(text.trim());
  const keyword = match?.[1]?.toUpperCase() ?? "";
  if (!match || !keywords.has(keyword))
    throw dockerfileError(file, line, `unknown instruction ${text.trim().split(/\s/)[0]}`);
  const rest = match[2]!.trim();
  return {
    keyword,
    ...(withFlags.has(keyword) ? cutFlags(rest, escape) : { flags: [], rest }),
    line,
    heredocs: [],
  };
}

/** Parser directives: only comments of the form `# name=value` before anything else. */
function readDirectives(source: string): { escape: "\\" | "`"; syntax?: string } {
  const found: { escape: "\\" | "`"; syntax?: string } = { escape: "\\" };
  for (const line of source.split("\n")) {
    const match = /^\s*#\s*([A-Za-z]+)\s*=\s*(.+?)\s*$/.exec(line);
    if (!match) break;
    const name = match[1]!.toLowerCase();
    if (name === "escape" && (match[2] === "`" || match[2] === "\\")) found.escape = match[2];
    else if (name === "syntax") found.syntax = match[2]!;
    else if (name !== "check") break;
  }
  return found;
}

interface FoundHeredoc {
  name: string;
  body: string;
  firstLine: number;
}

function readHeredocs(item: object, lines: string[]): FoundHeredoc[] {
  const getHeredocs = (
    item as { getHeredocs?: () => ReturnType<import("dockerfile-ast").Run["getHeredocs"]> }
  ).getHeredocs;
  const keyword = (item as { getKeyword(): string }).getKeyword().toUpperCase();
  if (!getHeredocs || !["RUN", "COPY", "ADD"].includes(keyword)) return [];
  const found: FoundHeredoc[] = [];
  for (const heredoc of getHeredocs.call(item)) {
    const delimiter = heredoc.getDelimiterRange();
    if (!delimiter) continue;
    const content = heredoc.getContentRange();
    // An empty body has no range: it would stand where the delimiter stands.
    const firstLine = content ? content.start.line : delimiter.start.line;
    found.push({
      name: heredoc.getName(),
      body: lines.slice(firstLine, delimiter.start.line).join("\n"),
      firstLine,
    });
  }
  return found;
}

/** Joins continued lines as BuildKit does: comment lines and empty lines in between vanish. */
function joinLines(lines: string[], escape: string): string {
  let joined = "";
  const continued = new RegExp(`${escape === "\\" ? "\\\\" : escape}[ \\t]*$`);
  lines.forEach((line, index) => {
    if (index > 0 && (/^\s*#/.test(line) || line.trim() === "")) return;
    joined += continued.test(line) ? line.replace(continued, "") : line;
  });
  return joined;
}

/** Takes `--name=value` words off the front. */
function cutFlags(text: string, escape: string): { flags: Instruction["flags"]; rest: string } {
  const flags: Instruction["flags"] = [];
  let at = 0;
  for (;;) {
    while (/\s/.test(text[at] ?? "")) at++;
    if (!text.startsWith("--", at)) break;
    let word = "";
    let quote = "";
    let end = at;
    for (; end < text.length; end++) {
      const char = text[end]!;
      if (quote) {
        if (char === quote) quote = "";
        else if (char === escape && quote === '"' && end + 1 < text.length) word += text[++end];
        else word += char;
      } else if (/\s/.test(char)) break;
      else if (char === '"' || char === "'") quote = char;
      else if (char === escape && end + 1 < text.length) word += text[++end];
      else word += char;
    }
    at = end;
    if (word === "--") break;
    const equals = word.indexOf("=");
    flags.push(
      equals < 0
        ? { name: word.slice(2), value: "true" }
        : { name: word.slice(2, equals), value: word.slice(equals + 1) },
    );
  }
  return { flags, rest: text.slice(at).trim() };
}

/** Value of a flag, or undefined. */
export function flagOf(instruction: Instruction, name: string): string | undefined {
  return instruction.flags.find((flag) => flag.name === name)?.value;
}
