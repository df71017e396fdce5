import { readdirSync, readFileSync } from "node:fs";
import { execa } from "execa";
import type { Project } from "./project.ts";

/** What a run could leave behind on a machine, apart from what its engine keeps. */
export interface MachineState {
  links: string[];
  mounts: string[];
  firewall: string;
  run: string[];
  listening: string[];
}

/** Looks at the whole machine: network links, mounts, firewall rules, /run, and every listening TCP or Unix socket. */
export async function machineState(): Promise<MachineState> {
  return {
    links: readdirSync("/sys/class/net").sort(),
    mounts: lines("/proc/self/mounts").map((line) => line.split(" ").slice(0, 3).join(" ")),
    firewall: (await Promise.all(["iptables-save", "ip6tables-save", "nft"].map(rules))).join(""),
    run: readdirSync("/run").sort(),
    listening: [...listeningTcp("/proc/net/tcp"), ...listeningTcp("/proc/net/tcp6"), ...listeningUnix()].sort(),
  };
}

/** What is there now and was not before, each with its kind. */
export function whatIsNew(before: MachineState, after: MachineState): string[] {
  const added = (kind: keyof MachineState) => {
    const [old, now] = [before[kind], after[kind]].map((value) => (typeof value === "string" ? value.split("\n") : value));
    return now!.filter((item) => !old!.includes(item)).map((item) => `${kind}: ${item}`);
  };
  return (Object.keys(before) as (keyof MachineState)[]).flatMap(added);
}

/** Names of everything that an engine holds, without its own default networks. */
export async function engineContent(project: Project): Promise<string[]> {
  const list = async (kind: string, ...args: string[]) =>
    (await project.docker(...args)).split("\n").filter(Boolean).map((item) => `${kind} ${item}`).sort();
  return [
    ...(await list("container", "ps", "--all", "--format={{.Names}}")),
    ...(await list("image", "image", "ls", "--all", "--format={{.Repository}}:{{.Tag}}")),
    ...(await list("volume", "volume", "ls", "--format={{.Name}}")),
    ...(await list("network", "network", "ls", "--format={{.Name}}")),
  ];
}

async function rules(program: string): Promise<string> {
  const args = program === "nft" ? ["list", "ruleset"] : [];
  const { exitCode, stdout } = await execa(program, args, { reject: false });
  // Counters move by themselves; the comments hold the time.
  return exitCode === 0 ? `${stdout.replace(/\[\d+:\d+\]|^#.*$/gm, "")}\n` : "";
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
