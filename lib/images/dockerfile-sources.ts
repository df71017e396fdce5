import { dockerfileError, flagOf, type Instruction } from "./dockerfile-syntax.ts";

/** What one COPY, ADD or mount takes, before variables are expanded. */
export interface TakenSource {
  /** `--from` or `from=`: a stage, a named context or an image; undefined is the build's own context. */
  from?: string;
  /** Paths as written; a mount has one. */
  paths: string[];
  kind: "copy" | "mount";
  /** `COPY --parents`, where `**` crosses folders. */
  parents?: boolean;
}

const remote = /^(https?:\/\/|git:\/\/|ssh:\/\/|git@)/;

/** Sources of COPY and ADD. A URL or Git address of ADD is left out: only its text counts. */
export function copiedSources(instruction: Instruction, file: string): TakenSource | undefined {
  const from = flagOf(instruction, "from");
  const words = copyWords(instruction);
  if (words.length < 2 && !(instruction.heredocs.length > 0 && words.length === 1))
    throw dockerfileError(
      file,
      instruction.line,
      `${instruction.keyword} needs at least one source and a destination`,
    );
  const paths = words
    .slice(0, -1)
    .filter((word) => from !== undefined || instruction.keyword !== "ADD" || !remote.test(word));
  if (paths.length === 0) return undefined;
  const parents = flagOf(instruction, "parents") === "true";
  return { ...(from !== undefined && { from }), paths, kind: "copy", ...(parents && { parents }) };
}

function copyWords(instruction: Instruction): string[] {
  if (instruction.rest.startsWith("[")) {
    try {
      const list: unknown = JSON.parse(instruction.rest);
      if (Array.isArray(list) && list.every((word) => typeof word === "string")) return list;
    } catch {
      // Not JSON after all: BuildKit then takes the words as they stand.
    }
  }
  const names = new Set(instruction.heredocs.map((heredoc) => heredoc.name));
  return instruction.rest
    .split(/\s+/)
    .filter((word) => word && !names.has(/^<<-?["']?(.*?)["']?$/.exec(word)?.[1] ?? "\0"));
}

/** Sources of `RUN --mount`: binds, and caches that start from a stage, an image or a context. */
export function mountedSources(instruction: Instruction, file: string): TakenSource[] {
  const sources: TakenSource[] = [];
  for (const fields of mountFields(instruction)) {
    const type = fields.get("type") ?? "bind";
    const from = fields.get("from");
    if (!["bind", "cache", "tmpfs", "secret", "ssh"].includes(type))
      throw dockerfileError(file, instruction.line, `RUN --mount: unknown type "${type}"`);
    if (type === "bind" || (type === "cache" && from !== undefined))
      sources.push({
        ...(from !== undefined && { from }),
        paths: [fields.get("source") ?? "."],
        kind: "mount",
      });
  }
  return sources;
}

/** The fields of each `RUN --mount`, e.g. `type`, `source`, `target` (also where written `dst`) and `from`. */
export function mountFields(instruction: Instruction): Map<string, string>[] {
  const aliases: Record<string, string> = { src: "source", dst: "target", destination: "target" };
  return instruction.flags
    .filter(({ name }) => name === "mount")
    .map((flag) => {
      const fields = new Map<string, string>();
      for (const field of csvFields(flag.value)) {
        const equals = field.indexOf("=");
        const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase().trim();
        fields.set(aliases[key] ?? key, equals < 0 ? "true" : field.slice(equals + 1));
      }
      return fields;
    });
}

/** Fields of one line of CSV, with its quotes. */
function csvFields(text: string): string[] {
  const fields: string[] = [];
  for (const match of text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g))
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
  return fields;
}
