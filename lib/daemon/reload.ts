import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { engineRequest } from "../docker/request.ts";
import { UserError } from "../errors.ts";
import { documentOf, readList } from "./daemon-json.ts";
import { stillRuns, type HostProcess } from "./dockerd-process.ts";
import { engineInfo } from "./engine-info.ts";
import type { ManagedDaemon } from "./identify.ts";
import { agrees, liveValue, type LiveState } from "./live-state.ts";
import type { FileText } from "./merge.ts";

/** What the daemon uses now. */
export async function liveOf(daemon: ManagedDaemon): Promise<LiveState> {
  return (await engineInfo(daemon.socketPath)).live;
}

/** Has the daemon read its file again. No container stops. */
export async function sendReload(daemon: ManagedDaemon): Promise<void> {
  // A process that took over the pid would die of this signal.
  if (!(await stillRuns(daemon.process))) throw gone(daemon);
  process.kill(daemon.process.pid, "SIGHUP");
}

/** What a daemon has to show for a text to be in use. */
export interface Proof {
  text: FileText;
  /** Keys that it has to agree on. */
  keys: string[];
  /** Time (Unix, milliseconds) since which it must have read the file again, for keys that it does not tell. */
  reloadedSince?: number;
  waitMs: number;
}

/**
 * Waits until the daemon uses a text. A reload that fails is only in the daemon's log, and neither `kill` nor
 * `systemctl reload` tells: the live state is the one proof, or the event of a reload that went well.
 */
export async function waitForProof(daemon: ManagedDaemon, proof: Proof): Promise<void> {
  const deadline = Date.now() + proof.waitMs;
  for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
    const missing = await missingProof(daemon, proof).catch(
      (error: Error) => `it does not answer (${error.message})`,
    );
    if (missing === undefined) return;
    if (!(await stillRuns(daemon.process))) throw gone(daemon);
    if (Date.now() >= deadline) {
      throw new UserError(
        `dockerd (process ${daemon.process.pid}) did not take ${wanted(proof, missing.split(":")[0]!)} in ${proof.waitMs / 1000} s, ` +
          `${missing.replace(/^[\w-]+: /, "")}: its log says why (journalctl -u docker), often another entry of ${daemon.file}`,
      );
    }
    await sleep(pause);
  }
}

async function missingProof(daemon: ManagedDaemon, proof: Proof): Promise<string | undefined> {
  const live = await liveOf(daemon);
  const wrong = proof.keys.find((key) => agrees(proof.text, key, live) === false);
  if (wrong) return `${wrong}: it still uses ${liveValue(wrong, live)}`;
  const untold = proof.keys.find((key) => agrees(proof.text, key, live) === undefined);
  if (untold === undefined || proof.reloadedSince === undefined) return undefined;
  if (await reloadedSince(daemon.socketPath, proof.reloadedSince)) return undefined;
  return `${untold}: it has not read the file`;
}

function wanted(proof: Proof, key: string): string {
  if (key === "registry-mirrors")
    return `the mirrors ${JSON.stringify(readList(documentOf(proof.text), key) ?? [])}`;
  return proof.keys.includes(key) ? key : proof.keys.join(", ");
}

/** Whether a reload went well since a time: dockerd tells of no other. */
async function reloadedSince(socketPath: string, since: number): Promise<boolean> {
  const seconds = (time: number) => (time / 1000).toFixed(9);
  const events = await engineRequest<unknown>(socketPath, {
    path: "/events",
    query: {
      since: seconds(since),
      until: seconds(Date.now()),
      filters: { type: ["daemon"], event: ["reload"] },
    },
    timeoutMs: 5_000,
  });
  return Boolean(events);
}

/** Names one dockerd among all that ever ran on this host. */
export async function processKey(dockerd: HostProcess): Promise<string> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return `${boot.trim()}:${dockerd.pid}:${dockerd.startTime}`;
}

function gone(daemon: ManagedDaemon): UserError {
  return new UserError(
    `dockerd (process ${daemon.process.pid}) has ended: start it again (sudo systemctl start docker) and see its log`,
  );
}
