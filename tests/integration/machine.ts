import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { Project } from "./project.ts";

/** What a run could leave behind on a machine, apart from processes and from what its engine keeps. */
export interface MachineState {
  links: string[];
  mounts: string[];
  firewall: string[];
  run: string[];
}

/** Looks at the whole machine: network links, mounts, firewall rules, /run. */
export async function machineState(): Promise<MachineState> {
  return {
    links: readdirSync("/sys/class/net").sort(),
    mounts: lines("/proc/self/mounts").map((line) => line.split(" ").slice(0, 3).join(" ")),
    firewall: (await Promise.all(["iptables-save", "ip6tables-save", "nft"].map(rules))).flat(),
    run: readdirSync("/run").sort(),
  };
}

/**
 * What is there now and was not before, each with its kind, and stays: other programs of the machine come and go, so only
 * what is still there at every further look counts as left behind.
 */
export async function whatStays(before: MachineState): Promise<string[]> {
  let left = whatIsNew(before, await machineState());
  for (let look = 0; look < 30 && left.length > 0; look += 1) {
    await sleep(2_000);
    const now = whatIsNew(before, await machineState());
    left = left.filter((item) => now.includes(item));
  }
  return left;
}

function whatIsNew(before: MachineState, after: MachineState): string[] {
  return (Object.keys(before) as (keyof MachineState)[]).flatMap((kind) =>
    after[kind].filter((item) => !before[kind].includes(item)).map((item) => `${kind}: ${item}`),
  );
}

/** Name of the variable by which a test knows every process that came of its commands, orphans included. */
export const markName = "GBH_TEST_RUN";

/** Processes whose environment has the mark. (The engine's do not: they start with an environment of their own.) */
export function markedProcesses(mark: string): { pid: number; command: string }[] {
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return ""; // it has just ended
    }
  };
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => read(pid, "environ").split("\0").includes(`${markName}=${mark}`))
    .map((pid) => ({ pid: Number(pid), command: read(pid, "cmdline").split("\0").join(" ").trim() }));
}

/** Names of everything that an engine holds. */
export async function engineContent(project: Project): Promise<string[]> {
  const list = async (kind: string, ...args: string[]) =>
    (await project.docker(...args))
      .split("\n")
      .filter(Boolean)
      .map((item) => `${kind} ${item}`)
      .sort();
  return [
    ...(await list("container", "ps", "--all", "--format={{.Names}}")),
    ...(await list("image", "image", "ls", "--all", "--format={{.Repository}}:{{.Tag}}")),
    ...(await list("volume", "volume", "ls", "--format={{.Name}}")),
    ...(await list("network", "network", "ls", "--format={{.Name}}")),
  ];
}

async function rules(program: string): Promise<string[]> {
  const args = program === "nft" ? ["list", "ruleset"] : [];
  const { exitCode, stdout } = await execa(program, args, { reject: false });
  // Counters move by themselves; the comments hold the time.
  return exitCode === 0 ? stdout.replace(/\[\d+:\d+\]|^#.*$/gm, "").split("\n") : [];
}

function lines(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").filter(Boolean);
}
