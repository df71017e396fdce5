import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import { endSession } from "./sessions.ts";

/** Where Pulumi's file back-end keeps a stack, below the folder that PULUMI_BACKEND_URL names. */
function stackPath(backend: string, kind: "locks" | "stacks", stack: string): string {
  return join(
    backend,
    ".pulumi",
    kind,
    kind === "locks" ? "organization/gpu-build-host" : "gpu-build-host",
    stack,
  );
}

interface Lock {
  pid: number;
  hostname: string;
  username: string;
  timestamp: string;
}

/**
 * Removes the locks of runs that are gone, and ends the processes that they left behind.
 *
 * @returns a line for each thing that was mended.
 * @throws UserError when another run is at work on the stack.
 */
export async function clearDeadLocks(backend: string, stack: string): Promise<string[]> {
  const folder = stackPath(backend, "locks", stack);
  const mended: string[] = [];
  if (!existsSync(folder)) return mended;
  for (const name of readdirSync(folder)) {
    // Beside each lock lies a file with its attributes, which Pulumi does not miss.
    if (!name.endsWith(".json")) continue;
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
    for (const path of [file, `${file}.attrs`]) rmSync(path, { force: true });
    const orphans = lock ? await endSession(lock.pid, 0) : 0;
    mended.push(
      `An earlier run was killed: its lock is removed${orphans > 0 ? `, ${orphans} of its processes are ended` : ""}.`,
    );
  }
  return mended;
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

/** IDs of the containers that a stack's state knows; undefined where there is no readable state. */
export function containersInState(backend: string, stack: string): Set<string> | undefined {
  try {
    const state = JSON.parse(readFileSync(`${stackPath(backend, "stacks", stack)}.json`, "utf8")) as {
      checkpoint?: { latest?: { resources?: { type: string; id?: string }[] } };
    };
    const resources = state.checkpoint?.latest?.resources ?? [];
    return new Set(
      resources.filter(({ type }) => type === "docker:index/container:Container").map(({ id }) => id ?? ""),
    );
  } catch {
    return undefined;
  }
}

/** True where the file back-end has the stack. */
export function stackExists(backend: string, stack: string): boolean {
  return existsSync(`${stackPath(backend, "stacks", stack)}.json`);
}
