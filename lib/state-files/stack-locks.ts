import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** A lock as Pulumi writes it. */
export interface StackLock {
  pid: number;
  hostname: string;
  username: string;
  timestamp: string;
}

/** A lock on a stack, in Pulumi's file back-end. */
export type FoundLock = { file: string } & (
  | {
      /** `"alive"`: its Pulumi runs; `"elsewhere"`: of another machine, so nobody here can tell. */
      owner: "alive" | "elsewhere";
      lock: StackLock;
    }
  | {
      owner: "dead";
      /** Undefined where it cannot be read: its run was killed while it wrote it. */
      lock: StackLock | undefined;
    }
);

/** Folder of a stack's locks, below the back-end's folder. */
export function lockFolder(backend: string, stack: string): string {
  return join(backend, ".pulumi", "locks", "organization", "gpu-build-host", stack);
}

/** The locks on a stack. Beside each lies a file with its attributes, which Pulumi does not miss. */
export function locksOf(backend: string, stack: string): FoundLock[] {
  const folder = lockFolder(backend, stack);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.map((name) => judge(join(folder, name)));
}

/** Takes a lock away, with its attributes. */
export function removeLockFiles(file: string): void {
  for (const path of [file, `${file}.attrs`]) rmSync(path, { force: true });
}

function judge(file: string): FoundLock {
  const lock = readLock(file);
  if (!lock) return { file, lock, owner: "dead" };
  if (lock.hostname !== hostname()) return { file, lock, owner: "elsewhere" };
  return { file, lock, owner: isPulumi(lock.pid) ? "alive" : "dead" };
}

function readLock(file: string): StackLock | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as StackLock;
  } catch {
    return undefined; // killed while it was written
  }
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
