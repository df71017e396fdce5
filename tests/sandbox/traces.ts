import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { SandboxLayout } from "../../sandbox/layout.ts";
import { isRunning } from "../../sandbox/processes.ts";

/** Everything on this machine that still speaks of a sandbox: processes, mounts, cgroups, folders, listening ports. */
export function tracesOf(layout: SandboxLayout, ports: number[] = []): string[] {
  return [
    ...processes(layout),
    ...lines("/proc/self/mounts").filter((line) => mentions(line, layout)),
    ...cgroups(layout.cgroup),
    ...(existsSync(layout.runDir) ? [layout.runDir] : []),
    ...ports.filter(isListening).map((port) => `port ${port}`),
  ];
}

function processes(layout: SandboxLayout): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid && isRunning(Number(pid)))
    .filter((pid) => {
      const text = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ") + read(`/proc/${pid}/cgroup`);
      return text.includes(layout.cgroup) || mentions(text, layout);
    })
    .map((pid) => `process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`);
}

function mentions(text: string, layout: SandboxLayout): boolean {
  return text.includes(layout.runDir) || text.includes(layout.root);
}

function cgroups(name: string): string[] {
  const top = "/sys/fs/cgroup";
  if (!existsSync(top)) return [];
  return [top, ...readdirSync(top).map((entry) => join(top, entry))]
    .map((folder) => join(folder, name))
    .filter((folder) => existsSync(folder));
}

function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return lines("/proc/net/tcp").some((line) => {
    const cells = line.trim().split(/\s+/);
    return cells[1]?.endsWith(`:${hex}`) && cells[3] === "0A";
  });
}

function lines(file: string): string[] {
  return read(file).split("\n");
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
