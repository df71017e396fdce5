import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, statSync, truncateSync } from "node:fs";
import { dirname } from "node:path";

/** A log that outgrew this (bytes) is emptied at the next start. */
const logLimit = 20 * 1024 * 1024;

/**
 * Starts a process that outlives us: own session, so that Ctrl-C and a closed terminal do not reach it, output to a file.
 *
 * @returns its process id.
 * @throws when the program cannot be started at all.
 */
export function startDetached(
  command: string,
  args: string[],
  options: { log: string; env: NodeJS.ProcessEnv; cwd: string },
): Promise<number> {
  mkdirSync(dirname(options.log), { recursive: true });
  if ((statSync(options.log, { throwIfNoEntry: false })?.size ?? 0) > logLimit) truncateSync(options.log);
  const log = openSync(options.log, "a");
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      detached: true,
      stdio: ["ignore", log, log],
      env: options.env,
      cwd: options.cwd,
    });
    closeSync(log);
    child.once("error", reject);
    child.once("spawn", () => {
      child.unref();
      resolve(child.pid!);
    });
  });
}
