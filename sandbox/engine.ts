import { existsSync } from "node:fs";
import { sandboxLayout } from "./layout.ts";
import { withLock } from "./lock.ts";
import { requireFreeDisk, requireLinux, requireRoot } from "./preflight.ts";
import { runningEngine, type Engine, type EngineOptions } from "./running-engine.ts";
import { silent } from "./steps.ts";

export type { Engine, EngineOptions };

/**
 * The private engine in `root`: the running one, or a new one. Repairs what a kill or a reboot left.
 *
 * @throws UserError without root, without disk space, or when dockerd does not start (with its own words).
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const layout = sandboxLayout(options.root);
  const running = await runningEngine(layout);
  if (running && hasPrograms(running)) return running;
  requireLinux();
  requireRoot();
  requireFreeDisk(layout.root, options.freeBytes ?? 1024 ** 3);
  const onWait = () =>
    (options.onStep ?? silent)({ name: "engine", detail: "another process is starting it" });
  return withLock(
    `${layout.root}/engine`,
    async () => {
      // Loaded only now: most starts find a running engine.
      const { startFresh, bringPrograms } = await import("./engine-start.ts");
      const started = await runningEngine(layout);
      if (!started) return startFresh(layout, options);
      return hasPrograms(started) ? started : bringPrograms(started, options);
    },
    { onWait, signal: options.signal },
  );
}

/** Ends the engine and everything it runs; images, volumes and settings stay in `root`. Fine if none runs. */
export async function stopEngine(root: string): Promise<void> {
  const layout = sandboxLayout(root);
  const { endEngine } = await import("./engine-leftovers.ts");
  await withLock(`${layout.root}/engine`, () => endEngine(layout));
}

/** False after the user's cache was emptied under a running engine. */
function hasPrograms({ binDir }: Engine): boolean {
  return binDir === "" || existsSync(binDir);
}
