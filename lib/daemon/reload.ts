import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { stillRuns } from "./dockerd-process.ts";
import { engineInfo } from "./engine-info.ts";
import type { ManagedDaemon } from "./identify.ts";
import { sameMirrors } from "./mirror-url.ts";

/** The mirrors that the daemon uses now. */
export async function liveMirrors(daemon: ManagedDaemon): Promise<string[]> {
  return (await engineInfo(daemon.socketPath)).mirrors;
}

/** Has the daemon read its file again. No container stops. */
export async function sendReload(daemon: ManagedDaemon): Promise<void> {
  // A process that took over the pid would die of this signal.
  if (!(await stillRuns(daemon.process))) throw gone(daemon);
  process.kill(daemon.process.pid, "SIGHUP");
}

/**
 * Waits until the daemon uses exactly these mirrors. A reload that fails is only in the daemon's log, and neither `kill`
 * nor `systemctl reload` tells: the live state is the one proof.
 */
export async function waitForMirrors(
  daemon: ManagedDaemon,
  expected: string[],
  waitMs: number,
): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
    const live = await liveMirrors(daemon).catch((error: Error) => error);
    if (Array.isArray(live) && sameMirrors(live, expected)) return;
    if (!(await stillRuns(daemon.process))) throw gone(daemon);
    if (Date.now() >= deadline) {
      const seen = Array.isArray(live)
        ? `it still uses ${JSON.stringify(live)}`
        : `it does not answer (${live.message})`;
      throw new UserError(
        `dockerd (process ${daemon.process.pid}) did not take the mirrors ${JSON.stringify(expected)} in ${waitMs / 1000} s, ` +
          `${seen}: its log says why (journalctl -u docker), often another entry of ${daemon.file}`,
      );
    }
    await sleep(pause);
  }
}

function gone(daemon: ManagedDaemon): UserError {
  return new UserError(
    `dockerd (process ${daemon.process.pid}) has ended: start it again (sudo systemctl start docker) and see its log`,
  );
}
