import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { Project } from "./project.ts";

/** What a run could leave behind on a machine, apart from what its engine keeps. */
export interface MachineState {
  links: string[];
  mounts: string[];
  firewall: string[];
  run: string[];
  listening: string[];
}

/** Looks at the whole machine: network links, mounts, firewall rules, /run, and every listening TCP or Unix socket. */
export async function machineState(): Promise<MachineState> {
  return {
    links: readdirSync("/sys/class/net").sort(),
    mounts: lines("/proc/self/mounts").map((line) => line.split(" ").slice(0, 3).join(" ")),
    firewall: (await Promise.all(["iptables-save", "ip6tables-save", "nft"].map(rules))).flat(),
    run: readdirSync("/run").sort(),
    listening: [
      ...listeningTcp("/proc/net/tcp"),
      ...listeningTcp("/proc/net/tcp6"),
      ...listeningUnix(),
    ].sort(),
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

/** Names of everything that an engine holds, without its own default networks. */
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

function listeningTcp(table: string): string[] {
  return lines(table)
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A")
    .map((fields) => `tcp port ${parseInt(fields[1]?.split(":").at(-1) ?? "", 16)}`);
}

function listeningUnix(): string[] {
  const accepts = 0x10000;
  return lines("/proc/net/unix")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[7] && (parseInt(fields[3] ?? "", 16) & accepts) !== 0)
    .map((fields) => `socket ${fields[7]}`);
}

function lines(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").filter(Boolean);
}
