import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A private engine needs root; elsewhere its tests have nothing to run on. */
export const canRunEngine = process.platform === "linux" && process.getuid?.() === 0;

/** A new folder for one test; `remove` takes it away. */
export function scratchFolder(): { path: string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "gpu-build-host-")));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs `work` with an environment variable set, and sets it back. */
export async function withEnv<T>(
  values: Record<string, string | undefined>,
  work: () => Promise<T> | T,
): Promise<T> {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
  const set = (entries: Record<string, string | undefined>) => {
    for (const [name, value] of Object.entries(entries)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  set(values);
  try {
    return await work();
  } finally {
    set(before);
  }
}
