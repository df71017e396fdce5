import { UserError } from "../lib/errors.ts";

/** The signals that ask a command to stop: Ctrl-C, `kill`, a closed terminal. */
export const stopSignals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** A person ended the command: exit code 130, as a shell gives it after Ctrl-C. */
export class StoppedError extends UserError {
  constructor() {
    super("Stopped. Nothing is left half done: run the same command again to go on.");
  }
}

/**
 * Runs work that one of the stop signals ends by way of an AbortSignal, so that it can leave things whole.
 *
 * @throws StoppedError when it was stopped.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  for (const name of stopSignals) process.on(name, stop);
  try {
    return await work(abort.signal);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    throw new StoppedError();
  } finally {
    for (const name of stopSignals) process.off(name, stop);
  }
}
