import { createServer } from "node:net";
import { UserError } from "../lib/errors.ts";
import { listeningProcess } from "../lib/host/port-holder.ts";
import { commandOf } from "./processes.ts";
import type { SandboxLayout } from "./layout.ts";
import { readJson, writeJson } from "./json-file.ts";

/** Ports of one sandbox, all on 127.0.0.1. Chosen once; kept in `ports.json`. */
export interface SandboxPorts {
  /** The registry that stands for Docker Hub. */
  upstream: number;
  /** The stack's registry cache. */
  cache: number;
  cacheMetrics: number;
  /** For the stack's further needs, e.g. a writable registry. */
  spare: number[];
}

/** Below the kernel's range for outgoing connections (from 32768), so that no connection takes a port while we are stopped. */
const first = 20_000;
const last = 32_000;
const blockSize = 10;

interface PortsFile extends SandboxPorts {
  /** The folder that the ports were chosen for: a copied clone needs others. */
  root: string;
}

/** The ports of this sandbox: those of its file, or a block of free ones that is written there. */
export async function ensurePorts(layout: SandboxLayout, inUseByOther = copyOf): Promise<SandboxPorts> {
  const known = readPorts(layout);
  if (known && !inUseByOther(known.root, layout)) {
    if (known.root !== layout.root) writeJson(layout.portsFile, { ...known, root: layout.root });
    return withoutRoot(known);
  }
  const start = await freeBlock(Number.parseInt(layout.id.slice(0, 8), 16));
  const ports: SandboxPorts = {
    upstream: start,
    cache: start + 1,
    cacheMetrics: start + 2,
    spare: Array.from({ length: blockSize - 3 }, (_, index) => start + 3 + index),
  };
  writeJson(layout.portsFile, { root: layout.root, ...ports } satisfies PortsFile);
  return ports;
}

/** Ports chosen earlier, with the folder that they were chosen for. */
export function readPorts(layout: SandboxLayout): PortsFile | undefined {
  const file = readJson<PortsFile>(layout.portsFile);
  return file && Number.isInteger(file.upstream) && Number.isInteger(file.cache) ? file : undefined;
}

/** True when the file came here by copying a clone that still exists (a moved clone keeps its ports). */
function copyOf(root: string, layout: SandboxLayout): boolean {
  return root !== layout.root && readJson(`${root}/ports.json`) !== undefined;
}

function withoutRoot({ root: _, ...ports }: PortsFile): SandboxPorts {
  return ports;
}

async function freeBlock(seed: number): Promise<number> {
  const blocks = Math.floor((last - first) / blockSize);
  for (let attempt = 0; attempt < blocks; attempt++) {
    const start = first + ((seed + attempt) % blocks) * blockSize;
    const free = await Promise.all(
      Array.from({ length: blockSize }, (_, index) => isPortFree(start + index)),
    );
    if (free.every(Boolean)) return start;
  }
  throw new UserError(
    `No ${blockSize} neighbouring ports are free between ${first} and ${last} on 127.0.0.1.`,
  );
}

/** True if nobody listens on this port of 127.0.0.1. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** @throws UserError that names who has the port. */
export async function requireFreePort(port: number, what: string): Promise<void> {
  if (await isPortFree(port)) return;
  throw new UserError(
    `Port ${port} of 127.0.0.1, kept for ${what}, is taken by ${portOwner(port) ?? "another process"}: stop it.`,
  );
}

/** Who listens on a TCP port of this machine, e.g. `"nginx (pid 812)"`; undefined if it cannot be seen. */
export function portOwner(port: number): string | undefined {
  const pid = listeningProcess(port);
  if (pid === undefined) return undefined;
  const program = commandOf(pid)[0];
  return `${program ? program.split("/").pop() : "a process"} (pid ${pid})`;
}
