import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import envPaths from "env-paths";
import { withLock } from "./lock.ts";
import { silent, type WorkOptions } from "./steps.ts";

/** Folder for what is costly to make and may be deleted at any time, e.g. `~/.cache/gpu-build-host`. */
export function userCache(...names: string[]): string {
  return join(envPaths("gpu-build-host", { suffix: "" }).cache, ...names);
}

/** A finished folder holds this file; a folder without it was never finished. */
const finished = ".complete";

/**
 * The folder, made by `make` where it does not exist yet.
 *
 * It is made beside its place and renamed when it is whole, so an interrupted run never leaves half of it; of two
 * processes that want it at once, one makes it and the other waits.
 *
 * @param make fills the empty folder that it gets. What it writes must not name that folder: it moves.
 */
export async function ensureFolder(
  folder: string,
  make: (temporary: string) => Promise<void>,
  options: WorkOptions = {},
): Promise<string> {
  if (existsSync(join(folder, finished))) return folder;
  const onWait = () =>
    (options.onStep ?? silent)({ name: "wait", detail: `another process is making ${folder}` });
  await withLock(
    folder,
    async () => {
      if (existsSync(join(folder, finished))) return; // made while we waited
      options.signal?.throwIfAborted();
      mkdirSync(dirname(folder), { recursive: true });
      removeLeftovers(folder);
      const temporary = mkdtempSync(`${folder}.tmp-`);
      try {
        await make(temporary);
        options.signal?.throwIfAborted();
        writeFileSync(join(temporary, finished), "");
        rmSync(folder, { recursive: true, force: true });
        renameSync(temporary, folder);
      } finally {
        rmSync(temporary, { recursive: true, force: true });
      }
    },
    { onWait, signal: options.signal },
  );
  return folder;
}

/** What killed processes left behind. We hold the lock, so nobody is writing there. */
function removeLeftovers(folder: string): void {
  const prefix = `${basename(folder)}.tmp-`;
  for (const name of readdirSync(dirname(folder)).filter((entry) => entry.startsWith(prefix))) {
    try {
      rmSync(join(dirname(folder), name), { recursive: true, force: true });
    } catch {
      // a child of the killed process is still writing there: the next time
    }
  }
}
