import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";

const notHere = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/** Whether this machine has an IP address. */
export async function hasAddress(address: string): Promise<boolean> {
  return !notHere.has((await listenProblem(0, address)) ?? "");
}

/** Who listens on a port of an address, e.g. `"registry (process 812)"`; undefined where it is free or there is no such address. */
export async function portHolder(port: number, address = "127.0.0.1"): Promise<string | undefined> {
  const problem = await listenProblem(port, address);
  if (problem === undefined || notHere.has(problem)) return undefined;
  const pid = listeningProcess(port);
  return pid === undefined ? "another program" : `${textOf(`/proc/${pid}/comm`).trim()} (process ${pid})`;
}

/** Process that listens on a TCP port of this machine; undefined if it cannot be seen. */
export function listeningProcess(port: number): number | undefined {
  const inodes = listeningSockets(port);
  if (inodes.size === 0) return undefined;
  const pid = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && holdsAny(entry, inodes));
  return pid === undefined ? undefined : Number(pid);
}

/** Error code of an attempt to listen, or undefined where it succeeds. */
function listenProblem(port: number, address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, address, () => server.close(() => resolve(undefined)));
  });
}

/** Inodes of the sockets that listen on a port, over IPv4 and IPv6. */
function listeningSockets(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of textOf(table).split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const isListening = fields[3] === "0A";
      if (isListening && fields[1]?.endsWith(`:${hex}`) && fields[9]) inodes.add(`socket:[${fields[9]}]`);
    }
  }
  return inodes;
}

function holdsAny(pid: string, inodes: Set<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.has(linkOf(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false; // gone, or somebody else's
  }
}

/** Where a link leads; empty for a descriptor that was closed meanwhile: the others still count. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
