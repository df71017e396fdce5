import { withHostLock, lockHolder } from "../daemon/host-lock.ts";

/** Two clones that build the very same image wait for each other: longer than any build takes. */
const longestBuildMs = 12 * 3600_000;

const keyOf = (engineId: string, reference: string): string => `image ${reference} on ${engineId}`;

/**
 * Holds a hash reference while a run builds, tries and promotes it: until its tags have moved, nothing else says that it
 * is needed. The kernel frees it when the run dies.
 */
export function holdVersion<T>(
  where: { engineId: string; reference: string; stack: string; signal?: AbortSignal },
  work: () => Promise<T>,
  waitMs = longestBuildMs,
): Promise<T> {
  const { engineId, reference, stack, signal } = where;
  return withHostLock(keyOf(engineId, reference), { stack, waitMs, ...(signal && { signal }) }, work);
}

/** Whether a run holds the version just now. */
export async function isInWork(engineId: string, reference: string): Promise<boolean> {
  return (await lockHolder(keyOf(engineId, reference))) !== undefined;
}
