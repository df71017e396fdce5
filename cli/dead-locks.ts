import { UserError } from "../lib/errors.ts";
import { locksOf, removeLockFiles } from "../lib/state-files/stack-locks.ts";
import { endSession } from "./sessions.ts";

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
  return locksOf(backend, stack).map(({ file, lock, owner }) => {
    if (owner === "alive")
      throw new UserError(
        `Another run is at work on the stack ${stack} (process ${lock.pid} of ${lock.username}, since ${lock.timestamp}). Wait for it, or stop it with: kill -INT ${lock.pid}`,
      );
    if (owner === "elsewhere")
      throw new UserError(
        `The stack ${stack} is locked by ${lock.username} on ${lock.hostname}. If that run is gone: pulumi cancel --stack ${stack}`,
      );
    return { file, pid: lock?.pid };
  });
}

/** Removes the lock, and ends the processes that its run left behind. */
export async function removeLock({ file, pid }: DeadLock): Promise<string> {
  removeLockFiles(file);
  const orphans = pid ? await endSession(pid, 0) : 0;
  return `An earlier run was killed: its lock is removed${orphans > 0 ? `, ${orphans} of its processes are ended` : ""}.`;
}
