import { readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseDockerdFlags } from "./dockerd-flags.ts";

/** A running process. `startTime` tells it from a later one that got the same pid. */
export interface HostProcess {
  pid: number;
  startTime: string;
  name: string;
  args: string[];
}

const DEFAULT_SOCKETS = ["/var/run/docker.sock", "/run/docker.sock"];

/** The processes that listen on a Unix socket, by the kernel's own table. Needs root to see other users' processes. */
export async function listenersOf(socketPath: string): Promise<HostProcess[]> {
  const wanted = await realSocketPath(socketPath);
  const inodes = new Set<string>();
  for (const line of (await readFile("/proc/net/unix", "utf8")).split("\n").slice(1)) {
    // Num RefCount Protocol Flags Type St Inode Path; flag 0x10000: it listens
    const [, , , flags, , , inode, ...path] = line.trim().split(" ").filter(Boolean);
    if (!inode || (parseInt(flags ?? "0", 16) & 0x10000) === 0) continue;
    if ((await realSocketPath(path.join(" "))) === wanted) inodes.add(`socket:[${inode}]`);
  }
  if (inodes.size === 0) return [];
  const found: HostProcess[] = [];
  for (const pid of await allPids()) {
    if (await holdsAny(pid, inodes)) found.push(...(await processOf(pid)));
  }
  return found;
}

/** dockerd processes whose command line names the socket: for an engine in another network namespace. */
export async function dockerdByArguments(socketPath: string): Promise<HostProcess[]> {
  const wanted = await realSocketPath(socketPath);
  const isDefault = (await Promise.all(DEFAULT_SOCKETS.map(realSocketPath))).includes(wanted);
  const found: HostProcess[] = [];
  for (const pid of await allPids()) {
    for (const process of await processOf(pid)) {
      if (!isDockerd(process)) continue;
      const { hosts } = parseDockerdFlags(process.args, "/");
      const sockets = hosts
        .filter((host) => host.startsWith("unix://"))
        .map((host) => realSocketPath(host.slice(7)));
      const named = (await Promise.all(sockets)).includes(wanted);
      if (named || (isDefault && (hosts.length === 0 || hosts.some((host) => host.startsWith("fd://")))))
        found.push(process);
    }
  }
  return found;
}

export function isDockerd(process: HostProcess): boolean {
  return process.name === "dockerd";
}

/** The process of a pid as a list of one, or none if it is gone. */
export async function processOf(pid: number): Promise<HostProcess[]> {
  try {
    const [status, commandLine] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/cmdline`, "utf8"),
    ]);
    // The name may hold spaces and brackets: fields are counted from the last ")". Field 22 is the start time.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    const args = commandLine.split("\0").slice(0, -1);
    if (fields[0] === "Z" || args.length === 0) return [];
    return [{ pid, startTime: fields[19] ?? "", name: basename(args[0] ?? ""), args: args.slice(1) }];
  } catch {
    return [];
  }
}

/** Environment that a running process was started with. */
export async function environmentOf(pid: number): Promise<Record<string, string>> {
  const lines = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0").filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** Whether a process is still the one that was found. */
export async function stillRuns(process: HostProcess): Promise<boolean> {
  return (await processOf(process.pid)).some((now) => now.startTime === process.startTime);
}

/** Whether a process sees the same file system, and the same file at a path, as we do (a container's dockerd does not). */
export async function seesSameFile(process: HostProcess, path: string): Promise<boolean> {
  const root = `/proc/${process.pid}/root`;
  if (!(await sameInode(`${root}/`, "/"))) return false;
  return sameInode(root + path, path);
}

async function sameInode(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)));
  return left?.dev === right?.dev && left?.ino === right?.ino;
}

async function allPids(): Promise<number[]> {
  return (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
}

async function holdsAny(pid: number, sockets: Set<string>): Promise<boolean> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const name of names) {
    if (sockets.has(await readlink(`/proc/${pid}/fd/${name}`).catch(() => ""))) return true;
  }
  return false;
}

/** /var/run is a link to /run: the folder is resolved, the socket itself may be gone. */
async function realSocketPath(path: string): Promise<string> {
  if (!path.startsWith("/")) return path;
  return realpath(path).catch(async () =>
    join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path)),
  );
}
