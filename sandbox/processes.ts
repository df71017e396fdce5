import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** One running process. */
export interface Process {
  pid: number;
  /** Its command line, as an array. */
  command: string[];
}

/** True while the process runs. One that has ended but was not collected by its parent yet (a zombie) does not run. */
export function isRunning(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return false;
  const state = stat.slice(stat.lastIndexOf(")") + 2)[0];
  return state !== "Z" && state !== "X";
}

/** Every running process that `wanted` accepts; kernel threads and our own process are left out. */
export function findProcesses(wanted: (process: Process) => boolean): Process[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .map((pid) => ({ pid, command: commandOf(pid) }))
    .filter((found) => found.command.length > 0 && wanted(found) && isRunning(found.pid));
}

/** Command line of a process; empty for one that is gone, a zombie or a kernel thread. */
export function commandOf(pid: number): string[] {
  return (read(`/proc/${pid}/cmdline`) ?? "").split("\0").slice(0, -1);
}

/** True if the process lies in a cgroup with this name in its path, in any hierarchy. */
export function inCgroup(pid: number, name: string): boolean {
  return (read(`/proc/${pid}/cgroup`) ?? "").split("\n").some((line) => line.split("/").includes(name));
}

/**
 * Asks processes to end, waits, then kills those that remain.
 *
 * @param graceMs Milliseconds between SIGTERM and SIGKILL; 0 kills at once.
 */
export async function endProcesses(pids: number[], graceMs: number): Promise<void> {
  if (graceMs > 0) {
    for (const pid of pids) send(pid, "SIGTERM");
    await waitUntil(() => !pids.some(isRunning), graceMs);
  }
  for (const pid of pids.filter(isRunning)) send(pid, "SIGKILL");
  await waitUntil(() => !pids.some(isRunning), 10_000);
}

/** Polls until `done`; false when the time (milliseconds) is over. */
export async function waitUntil(done: () => boolean, limitMs: number, everyMs = 50): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (!done()) {
    if (Date.now() > end) return false;
    await sleep(everyMs);
  }
  return true;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it ended by itself
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
