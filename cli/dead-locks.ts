import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import { endSession } from "./sessions.ts";

interface Lock {
  pid: number;
  hostname: string;
  username: string;
  timestamp: string;
}

/** A lock whose owner is gone. */
export interface DeadLock {
  file: string;
  /** Process that made it; undefined where it was killed while it did. */
  pid: number | undefined;
}

/**
 * Locks of runs that are gone, in Pulumi's file back-end.
 *
 * @param backend the back-end's folder.
 * @throws UserError when another run is at work on the stack.
 */
export function deadLocks(backend: string, stack: string): DeadLock[] {
  const folder = join(backend, ".pulumi", "locks", "organization", "gpu-build-host", stack);
  if (!existsSync(folder)) return [];
  // Beside each lock lies a file with its attributes, which Pulumi does not miss.
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.map((name) => {
    const file = join(folder, name);
    const lock = readLock(file);
    if (lock && lock.hostname === hostname() && isPulumi(lock.pid)) {
      throw new UserError(
        `Another run is at work on the stack ${stack} (process ${lock.pid} of ${lock.username}, since ${lock.timestamp}). Wait for it, or stop it with: kill -INT ${lock.pid}`,
      );
    }
    if (lock && lock.hostname !== hostname()) {
      throw new UserError(
        `The stack ${stack} is locked by ${lock.username} on ${lock.hostname}. If that run is gone: pulumi cancel --stack ${stack}`,
      );
    }
    return { file, pid: lock?.pid };
  });
}

/** Removes the lock, and ends the processes that its run left behind. */
export async function removeLock({ file, pid }: DeadLock): Promise<string> {
  for (const path of [file, `${file}.attrs`]) rmSync(path, { force: true });
  const orphans = pid ? await endSession(pid, 0) : 0;
  return `An earlier run was killed: its lock is removed${orphans > 0 ? `, ${orphans} of its processes are ended` : ""}.`;
}

function readLock(file: string): Lock | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Lock;
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
