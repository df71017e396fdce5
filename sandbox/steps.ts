/** Called at every step of a longer piece of work, so that a command can show its name, what it does now and the time. */
export type OnStep = (event: { name: string; detail?: string }) => void;

/** What every longer function of the sandbox takes. */
export interface WorkOptions {
  onStep?: OnStep;
  /** Ends the work early and leaves things whole: finished parts stay, half-done parts are removed. */
  signal?: AbortSignal;
}

/** For callers that show nothing. */
export const silent: OnStep = () => {};
