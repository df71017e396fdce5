import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A socket that takes what comes from outside. */
export interface ListeningSocket {
  protocol: "tcp" | "tcp6" | "udp" | "udp6";
  /** e.g. `"127.0.0.1"`, `"::"`. */
  address: string;
  port: number;
  /** Program that has it open. */
  program: string;
}

/** Listening TCP and open UDP sockets of every process whose command line holds one of the texts, and of their descendants. */
export function listeningSockets(texts: string[]): ListeningSocket[] {
  const family = withDescendants((command) => texts.some((text) => command.includes(text)));
  const programs = new Map<string, string>();
  for (const pid of family) {
    for (const fd of list(`/proc/${pid}/fd`)) {
      const socket = /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${fd}`))?.[1];
      if (socket) programs.set(socket, text(`/proc/${pid}/comm`).trim());
    }
  }
  return (["tcp", "tcp6", "udp", "udp6"] as const).flatMap((protocol) =>
    text(`/proc/net/${protocol}`)
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === (protocol.startsWith("tcp") ? "0A" : "07"))
      .flatMap(([, local = "", , , , , , , , inode = ""]) => {
        const program = programs.get(inode);
        const [address = "", port = ""] = local.split(":");
        return program ? [{ protocol, address: readable(address), port: parseInt(port, 16), program }] : [];
      }),
  );
}

function withDescendants(isFirst: (command: string) => boolean): Set<string> {
  const pids = list("/proc").filter((name) => /^\d+$/.test(name));
  const parents = new Map(
    pids.map((pid) => [pid, text(`/proc/${pid}/stat`).split(") ")[1]?.split(" ")[1] ?? ""]),
  );
  const isOurs = (pid: string): boolean =>
    isFirst(text(`/proc/${pid}/cmdline`).split("\0").join(" ")) ||
    (parents.has(pid) && isOurs(parents.get(pid)!));
  return new Set(pids.filter(isOurs));
}

/** The kernel prints 32-bit words in the machine's own byte order. */
function readable(hex: string): string {
  const bytes = Buffer.concat(
    (hex.match(/.{8}/g) ?? []).map((word) => Buffer.from(Buffer.from(word, "hex").reverse())),
  );
  if (bytes.length === 4) return [...bytes].join(".");
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // gone, or somebody else's
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
