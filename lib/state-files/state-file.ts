import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";

/** What matters here of a stack's state. */
export interface StackState {
  resources: { type: string; id?: string }[];
  pending: { type: string; urn: string }[];
}

/** A stack's state in Pulumi's file back-end. */
export interface StateFile {
  file: string;
  /** What the state says, or its back-up where the file is broken; undefined where there is neither. */
  state: StackState | undefined;
  /** Set where the file is there and Pulumi could not read it. */
  broken?: {
    /** e.g. `"it is empty"` */
    why: string;
    /** The newest whole back-up, if there is one. */
    backup?: Backup;
  };
}

/** A whole state that can take a broken one's place. */
interface Backup {
  /** For people, e.g. `"gpu-build-host/dev.json.bak"` */
  name: string;
  /** Its file; undefined for a part of the broken one. */
  path?: string;
  text: string;
}

/** Where Pulumi's file back-end keeps a stack's state, below the back-end's folder. */
function stateFolder(backend: string, kind: "stacks" | "backups" | "history"): string {
  return join(backend, ".pulumi", kind, "gpu-build-host");
}

/** True where the file back-end has the stack. */
export function stackExists(backend: string, stack: string): boolean {
  const file = join(stateFolder(backend, "stacks"), `${stack}.json`);
  return existsSync(file) || existsSync(`${file}.gz`);
}

/** Reads a stack's state, or else its newest back-up that is whole. */
export function readStateFile(backend: string, stack: string): StateFile {
  const file = join(stateFolder(backend, "stacks"), `${stack}.json`);
  if (!existsSync(file)) return { file, state: undefined };
  const text = readFileSync(file, "utf8");
  const state = parseState(text);
  if (state) return { file, state };
  const why =
    text.trim() === ""
      ? "it is empty"
      : text.startsWith("\uFEFF")
        ? "it begins with a byte order mark"
        : "it is cut off or no JSON";
  const backup = newestBackup(backend, stack, file, text);
  return { file, state: backup && parseState(backup.text), broken: { why, ...(backup && { backup }) } };
}

/**
 * Puts the back-up in the broken file's place, and keeps the broken one beside it.
 *
 * @returns a line that says so.
 */
export function restoreState({ file, broken }: StateFile): string {
  const kept = `${file}.broken-${new Date().toISOString().replaceAll(":", "-")}`;
  if (!broken?.backup) {
    renameSync(file, kept);
    return `The state ${file} was broken (${broken?.why}) and has no back-up: it is kept as ${basename(kept)}.`;
  }
  copyFileSync(file, kept);
  writeFileAtomic.sync(file, broken.backup.text);
  return `The state ${file} was broken (${broken.why}): ${broken.backup.name} takes its place, the broken one is kept as ${basename(kept)}.`;
}

/** The state in a text as Pulumi writes it; undefined for what Pulumi would not read. */
function parseState(text: string): StackState | undefined {
  try {
    const { version, checkpoint } = JSON.parse(text) as {
      version?: number;
      checkpoint?: {
        latest?: {
          resources?: StackState["resources"];
          pending_operations?: { type: string; resource: { urn: string } }[];
        };
      };
    };
    if (typeof version !== "number" || typeof checkpoint !== "object") return undefined;
    return {
      resources: checkpoint.latest?.resources ?? [],
      pending: (checkpoint.latest?.pending_operations ?? []).map(({ type, resource }) => ({
        type,
        urn: resource.urn,
      })),
    };
  } catch {
    return undefined;
  }
}

/** The text without a byte order mark; else the newest whole one of what Pulumi keeps: the file before, back-ups, history. */
function newestBackup(backend: string, stack: string, file: string, text: string): Backup | undefined {
  if (parseState(text.slice(1)) && text.startsWith("\uFEFF"))
    return { name: "the same text without the mark", text: text.slice(1) };
  const kept = [join(stateFolder(backend, "backups"), stack), join(stateFolder(backend, "history"), stack)]
    .flatMap((folder) => list(folder))
    .filter((path) => /\.\d+\.json$|\.checkpoint\.json$/.test(path));
  return [`${file}.bak`, ...kept]
    .filter((path) => existsSync(path))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
    .map((path) => ({
      name: join(basename(dirname(path)), basename(path)),
      path,
      text: readFileSync(path, "utf8"),
    }))
    .find((candidate) => parseState(candidate.text));
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}
