/** An operation of a resource that is under way. */
interface Operation {
  abort: AbortController;
  fail: (error: Error) => void;
}

const operations = new Set<Operation>();

/**
 * Runs one operation so that it can be stopped, and so that an error nobody awaits makes it fail:
 * Pulumi takes a provider's unhandled rejection for success.
 */
export function tracked<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const operation: Operation = { abort, fail: reject };
    operations.add(operation);
    work(abort.signal)
      .then(resolve, (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))))
      .finally(() => operations.delete(operation));
  });
}

/** Stops every operation that is under way; each ends with its own words. */
export function stopOperations(): void {
  for (const operation of operations) operation.abort.abort(new Error("stopped before it was done"));
}

/** Makes every operation that is under way fail with an error that nobody caught. */
export function failOperations(error: unknown): void {
  const cause = error instanceof Error ? error : new Error(String(error));
  for (const operation of operations) operation.fail(cause);
}

/** Waits until all operations have ended, at most for the given time in milliseconds. */
export async function operationsEnded(milliseconds: number): Promise<void> {
  const end = Date.now() + milliseconds;
  while (operations.size > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
}
