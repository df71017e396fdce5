import { existsSync, readFileSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { execa } from "execa";
import type { SandboxLayout } from "./layout.ts";
import { removeLinks } from "./links.ts";
import { endProcesses, findProcesses, inCgroup, waitUntil } from "./processes.ts";

const programs = /^(unshare|dockerd|containerd|containerd-shim.*|runc|docker-proxy)$/;

/** Process ids of the engine itself: dockerd, or `unshare` on its way to become dockerd. */
export function enginePids(layout: SandboxLayout): number[] {
  return engineProcesses(layout)
    .filter(({ command }) => command.includes(layout.pidFile))
    .map(({ pid }) => pid);
}

/** Ends dockerd as it wants to be ended (it stops its containers), then whatever is left of it. */
export async function endEngine(layout: SandboxLayout): Promise<void> {
  await endProcesses(enginePids(layout), 30_000);
  await removeLeftovers(layout);
}

/**
 * Removes what an engine that was killed leaves: containerd, containers and builds, sockets, mounts, cgroups, `runDir`.
 * Images, volumes and containers on the disk stay.
 */
export async function removeLeftovers(layout: SandboxLayout): Promise<void> {
  // A shim that is asked politely would report to a containerd that is gone.
  await endProcesses(
    engineProcesses(layout).map(({ pid }) => pid),
    0,
  );
  await endProcesses(
    findProcesses(({ pid }) => inCgroup(pid, layout.cgroup)).map(({ pid }) => pid),
    0,
  );
  for (const socket of shimSockets(layout)) rmSync(socket, { force: true });
  for (const mount of mountsBelow([layout.root, layout.runDir]))
    await execa("umount", ["--lazy", mount], { reject: false });
  await removeLinks(bridgesOf(layout));
  await removeCgroups(layout.cgroup);
  rmSync(layout.runDir, { recursive: true, force: true });
  // Shared with others: gone only when empty.
  for (const folder of [dirname(layout.runDir), "/run/containerd/s", "/run/containerd"])
    removeIfEmpty(folder);
}

/** The folder of all containers' settings. Their paths are absolute, so a moved clone cannot use them; volumes it can. */
export function forgetContainers(layout: SandboxLayout): void {
  rmSync(join(layout.dataRoot, "containers"), { recursive: true, force: true });
}

function engineProcesses(layout: SandboxLayout) {
  return findProcesses(
    ({ command }) =>
      programs.test(basename(command[0] ?? "")) &&
      command.some((argument) => argument === layout.pidFile || argument.startsWith(`${layout.execRoot}/`)),
  );
}

/** containerd puts each shim's socket into a folder of the whole machine and notes its name beside the container. */
function shimSockets(layout: SandboxLayout): string[] {
  const tasks = join(layout.execRoot, "containerd/daemon/io.containerd.runtime.v2.task/moby");
  if (!existsSync(tasks)) return [];
  return readdirSync(tasks).flatMap((id) => {
    try {
      const address = readFileSync(join(tasks, id, "address"), "utf8").trim();
      return address.startsWith("unix:///run/containerd/s/") ? [address.slice("unix://".length)] : [];
    } catch {
      return [];
    }
  });
}

/**
 * Network links of the engine's bridge networks: dockerd leaves them behind. Their names are read from its database,
 * which is there after a kill too; names of networks removed earlier may be among them.
 */
function bridgesOf(layout: SandboxLayout): string[] {
  const database = join(layout.dataRoot, "network/files/local-kv.db");
  if (!existsSync(database)) return [];
  return [...new Set(readFileSync(database, "latin1").match(/\bbr-[0-9a-f]{12}\b/g) ?? [])];
}

/** Mount points below any of the folders, deepest first. Usually none: the engine mounts in a name space of its own. */
export function mountsBelow(folders: string[]): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) =>
      (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(parseInt(octal, 8)),
      ),
    )
    .filter((mount) => folders.some((folder) => mount.startsWith(`${folder}/`)))
    .sort((a, b) => b.length - a.length);
}

/** Removes the engine's cgroup from every hierarchy (one on cgroup v2, one per controller on v1). */
async function removeCgroups(name: string): Promise<void> {
  const top = "/sys/fs/cgroup";
  if (!existsSync(top)) return;
  const hierarchies = [
    top,
    ...readdirSync(top, { withFileTypes: true })
      .filter((e) => e.isDirectory())
      .map((e) => join(top, e.name)),
  ];
  for (const folder of hierarchies
    .map((hierarchy) => join(hierarchy, name))
    .filter((path) => existsSync(path))) {
    // The kernel lets go of an ended process a moment late.
    await waitUntil(() => removeTree(folder), 2000);
  }
}

function removeTree(folder: string): boolean {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && !removeTree(join(folder, entry.name))) return false;
  }
  return removeIfEmpty(folder);
}

function removeIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}
