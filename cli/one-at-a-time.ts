import { withHostLock } from "../lib/daemon/host-lock.ts";
import { stackLockKey } from "../lib/doctor/checks/host.ts";
import { projectRoot } from "./stack-context.ts";

/**
 * Works on a stack while no other command of this clone does: what one mends, another may just be making.
 * The kernel frees the lock of a killed command.
 *
 * @throws UserError that names the other command, after two seconds.
 */
export function oneAtATime<T>(stack: string, work: () => Promise<T>): Promise<T> {
  return withHostLock(stackLockKey(stack, projectRoot), { stack, waitMs: 2_000 }, work);
}
