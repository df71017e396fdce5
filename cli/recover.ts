import { existsSync, readFileSync, rmSync } from "node:fs";
import { UserError } from "../lib/errors.ts";
import { locksOf, stackPath } from "../lib/state-files/file-backend.ts";
import { endSession } from "./sessions.ts";

/**
 * Removes the locks of runs that are gone, and ends the processes that they left behind.
 *
 * @returns a line for each thing that was mended.
 * @throws UserError when another run is at work on the stack.
 */
export async function clearDeadLocks(backend: string, stack: string): Promise<string[]> {
  const mended: string[] = [];
  for (const { file, lock, owner } of locksOf(backend, stack)) {
    if (lock && owner === "alive") {
      throw new UserError(
        `Another run is at work on the stack ${stack} (process ${lock.pid} of ${lock.username}, since ${lock.timestamp}). Wait for it, or stop it with: kill -INT ${lock.pid}`,
      );
    }
    if (lock && owner === "elsewhere") {
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
