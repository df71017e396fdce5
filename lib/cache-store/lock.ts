import { withHostLock, type LockOptions } from "../daemon/host-lock.ts";

/**
 * Runs what changes the caches of an engine while nobody else on this host does: what one run removes, another may just
 * have found.
 *
 * @throws UserError that names the other run, after `waitMs`.
 */
export function withCacheLock<T>(
  dockerHost: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  return withHostLock(`registry-cache:${dockerHost}`, options, work);
}
