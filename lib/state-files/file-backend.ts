import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join } from "node:path";

/** Where Pulumi's file back-end keeps a stack, below the folder that PULUMI_BACKEND_URL names. */
export function stackPath(backend: string, kind: "locks" | "stacks", stack: string): string {
  return join(
    backend,
    ".pulumi",
    kind,
    kind === "locks" ? "organization/gpu-build-host" : "gpu-build-host",
    stack,
  );
}

/** Folder of the file back-end that Pulumi would use; undefined for another kind of back-end. */
export function fileBackendOf(env: NodeJS.ProcessEnv): string | undefined {
  const url = env["PULUMI_BACKEND_URL"] || currentLogin(env);
  if (!url?.startsWith("file://")) return undefined;
  return url.slice("file://".length).replace(/^~/, env["HOME"] ?? homedir());
}

/** What `pulumi login` chose last. */
function currentLogin(env: NodeJS.ProcessEnv): string | undefined {
  const folder =
    env["PULUMI_CREDENTIALS_PATH"] ?? env["PULUMI_HOME"] ?? join(env["HOME"] ?? homedir(), ".pulumi");
  return readJson<{ current?: string }>(join(folder, "credentials.json"))?.current;
}

/** A lock as Pulumi writes it. */
export interface StackLock {
  pid: number;
  hostname: string;
  username: string;
  timestamp: string;
}

export interface FoundLock {
  file: string;
  /** Undefined where it cannot be read: its run was killed while it wrote it. */
  lock: StackLock | undefined;
  /** `"alive"`: its Pulumi runs; `"dead"`: it does not; `"elsewhere"`: of another machine, so nobody here can tell. */
  owner: "alive" | "dead" | "elsewhere";
}

/** The locks on a stack. Beside each lies a file with its attributes, which Pulumi does not miss. */
export function locksOf(backend: string, stack: string): FoundLock[] {
  const folder = stackPath(backend, "locks", stack);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => {
      const file = join(folder, name);
      const lock = readJson<StackLock>(file);
      return { file, lock, owner: ownerOf(lock) };
    });
}

function ownerOf(lock: StackLock | undefined): FoundLock["owner"] {
  if (!lock) return "dead";
  if (lock.hostname !== hostname()) return "elsewhere";
  return isPulumi(lock.pid) ? "alive" : "dead";
}

/** True where the process lives and is a Pulumi: a process ID may have gone to somebody else. */
function isPulumi(pid: number): boolean {
  try {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return false;
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0]?.endsWith("pulumi") ?? false;
  } catch {
    return false;
  }
}

/** What a stack's state says of operations that a killed run left open. */
export interface StackState {
  /** Undefined where the file is whole. */
  problem?: string;
  /** e.g. `"creating registry-cache-server"`. */
  pending: string[];
}

/** Reads a stack's state; undefined where there is none. */
export function stateOf(backend: string, stack: string): StackState | undefined {
  const file = `${stackPath(backend, "stacks", stack)}.json`;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  try {
    const state = JSON.parse(text) as CheckpointFile;
    if (!state.checkpoint) return { problem: `${file} holds no checkpoint`, pending: [] };
    const operations = state.checkpoint.latest?.pending_operations ?? [];
    return {
      pending: operations.map(
        ({ type, resource }) => `${type ?? "changing"} ${resource?.urn?.split("::").at(-1) ?? "a resource"}`,
      ),
    };
  } catch (error) {
    return { problem: `${file} is damaged: ${(error as Error).message}`, pending: [] };
  }
}

interface CheckpointFile {
  checkpoint?: {
    latest?: { pending_operations?: { type?: string; resource?: { urn?: string } }[] | null };
  };
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    return undefined;
  }
}
