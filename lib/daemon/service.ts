import { spawn } from "node:child_process";
import { closeSync, openSync, statSync } from "node:fs";
import { open, readFile, readlink, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import { environmentOf, processOf, stillRuns, type HostProcess } from "./dockerd-process.ts";

/** How a dockerd is stopped and started, read from the running one: when it is needed, that one is gone. */
export type Service = { kind: "systemd"; unit: string } | OwnProcess;

/** What of a service can be written down. */
export type StoredService = { kind: "systemd"; unit: string } | Omit<OwnProcess, "namespaces">;

/** A dockerd that no service manager of ours looks after; it is started again as it was. */
interface OwnProcess {
  kind: "process";
  executable: string;
  args: string[];
  env: Record<string, string>;
  folder: string;
  /** File that its output goes to, if it is one. */
  log: string | undefined;
  /** Open namespaces that differ from ours, by nsenter's flag: its mounts must not end up among ours. */
  namespaces: { flag: string; fd: number }[];
  /** It had mounts of its own: where those are gone it gets new ones. */
  ownMounts: boolean;
  /** A parent that starts it again by itself, e.g. `"runsv"`. */
  supervisor: string | undefined;
}

const SUPERVISORS =
  /^(runsv|s6-supervise|supervise-daemon|supervisord|dinit|monit|circusd|containerd-shim.*)$/;
const NEW_MOUNTS = ["unshare", "--mount", "--propagation", "slave", "--"];
const SUPERVISOR_WAIT_MS = 10_000;

/** Reads how a running dockerd can be started again. Close it with `closeService`. */
export async function serviceOf(dockerd: HostProcess): Promise<Service> {
  const proc = `/proc/${dockerd.pid}`;
  const unit = unitOf(await readFile(`${proc}/cgroup`, "utf8").catch(() => ""));
  if (unit && (await stat("/run/systemd/system").catch(() => undefined))) return { kind: "systemd", unit };
  const output = await readlink(`${proc}/fd/1`).catch(() => "");
  const namespaces = await otherNamespaces(dockerd.pid);
  return {
    kind: "process",
    executable: (await readlink(`${proc}/exe`)).replace(/ \(deleted\)$/, ""),
    args: dockerd.args,
    env: await environmentOf(dockerd.pid),
    folder: await readlink(`${proc}/cwd`).catch(() => "/"),
    log: (await stat(output).catch(() => undefined))?.isFile() ? output : undefined,
    namespaces,
    ownMounts: namespaces.some(({ flag }) => flag === "mount"),
    supervisor: await supervisorOf(dockerd.pid),
  };
}

/** A service without its open namespaces. */
export function storedService(service: Service): StoredService {
  if (service.kind === "systemd") return service;
  const { namespaces: _, ...stored } = service;
  return stored;
}

/** Starts what was written down, where no dockerd runs. @throws UserError saying why it does not start */
export async function startStored(
  service: StoredService,
  waitMs: number,
  isUp: () => Promise<boolean>,
): Promise<void> {
  if (service.kind === "systemd") return restartUnit(service.unit, waitMs);
  if (service.supervisor && (await waitFor(isUp, SUPERVISOR_WAIT_MS))) return;
  await startProcess({ ...service, namespaces: [] }, waitMs, isUp);
}

export function closeService(service: Service | undefined): void {
  if (service?.kind === "process") for (const { fd } of service.namespaces.splice(0)) closeSync(fd);
}

/** The unit of a process, from its `/proc/<pid>/cgroup`: `0::/system.slice/docker.service`. */
export function unitOf(cgroup: string): string | undefined {
  return /\/([\w@.:\\-]+\.service)$/m.exec(cgroup)?.[1];
}

/**
 * Stops and starts dockerd; starts it where it is down. Uses up one of the three starts that systemd grants in a minute,
 * and has it forget the ones before.
 * @returns what is wrong with its start, as far as can be told at once.
 */
export async function restartService(
  service: Service,
  dockerd: HostProcess,
  waitMs: number,
  isUp: () => Promise<boolean>,
  onStopped: () => Promise<void> | void = () => undefined,
): Promise<void> {
  if (service.kind === "systemd") return restartUnit(service.unit, waitMs);
  if (await stillRuns(dockerd)) {
    process.kill(dockerd.pid, "SIGTERM");
    await waitFor(
      async () => !(await stillRuns(dockerd)),
      waitMs,
      () => {
        throw new UserError(
          `dockerd (process ${dockerd.pid}) did not end in ${waitMs / 1000} s after SIGTERM: see its log`,
        );
      },
    );
  }
  await onStopped();
  // Two dockerd on one socket would be worse than a moment of waiting.
  if (service.supervisor && (await waitFor(isUp, SUPERVISOR_WAIT_MS))) return;
  await startProcess(service, waitMs, isUp);
}

/** `systemctl restart`, as an administrator would; a unit that failed too often is forgiven first, or it would stay down. */
export async function restartUnit(unit: string, waitMs: number): Promise<void> {
  const systemctl = (...args: string[]) =>
    execa("systemctl", args, { reject: false, timeout: waitMs, stdin: "ignore" });
  const socket = unit.replace(/\.service$/, ".socket");
  await systemctl("reset-failed", unit, socket);
  const result = await systemctl("restart", unit);
  if (result.exitCode === 0) return;
  const words = result.timedOut
    ? `no end in ${waitMs / 1000} s`
    : String(result.stderr).trim().split("\n")[0];
  // Restart=always goes on trying: it would use up the starts that going back needs.
  await systemctl("stop", unit, socket);
  await systemctl("reset-failed", unit, socket);
  throw new UserError(`systemctl restart ${unit} failed (${words}): journalctl -u ${unit} says why`);
}

async function startProcess(
  service: OwnProcess,
  waitMs: number,
  isUp: () => Promise<boolean>,
): Promise<void> {
  const { executable, args, env, folder, log, namespaces, ownMounts } = service;
  const logStart = log ? (statSync(log, { throwIfNoEntry: false })?.size ?? 0) : 0;
  const output = openSync(log ?? "/dev/null", "a");
  const enter = namespaces.map(({ flag }, index) => `--${flag}=/proc/self/fd/${index + 3}`);
  const inNamespaces =
    enter.length > 0 ? ["nsenter", ...enter, `--wd=${folder}`, "--"] : ownMounts ? NEW_MOUNTS : [];
  const [command = executable, ...rest] = [...inNamespaces, executable, ...args];
  const child = spawn(command, rest, {
    detached: true,
    env,
    cwd: folder,
    stdio: ["ignore", output, output, ...namespaces.map(({ fd }) => fd)],
  });
  closeSync(output);
  const failure = new Promise<Error>((resolve) => child.once("error", resolve));
  const failed = await Promise.race([failure, new Promise<void>((resolve) => child.once("spawn", resolve))]);
  if (failed) throw new UserError(`${executable} cannot be started: ${failed.message}`);
  child.unref();
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const up = await waitFor(async () => ended() || (await isUp()), waitMs);
  if (up && !ended()) return;
  if (!ended()) {
    child.kill("SIGTERM");
    if (!(await waitFor(async () => ended(), 10_000))) child.kill("SIGKILL");
  }
  const words = await lastWords(log, logStart);
  throw new UserError(
    `dockerd did not start${up ? "" : ` in ${waitMs / 1000} s`}${words ? `: ${words}` : ": see its log"}`,
  );
}

/** The line in which dockerd says why it gives up. */
async function lastWords(log: string | undefined, from: number): Promise<string> {
  if (!log) return "";
  const file = await open(log, "r");
  try {
    const { size } = await file.stat();
    const start = Math.max(from, size - 20_000);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.max(0, size - start)),
      0,
      undefined,
      start,
    );
    const lines = buffer.toString("utf8", 0, bytesRead).trim().split("\n");
    return (lines.findLast((line) => /failed|error|unable|invalid/i.test(line)) ?? lines.at(-1) ?? "").trim();
  } finally {
    await file.close();
  }
}

async function otherNamespaces(pid: number): Promise<{ flag: string; fd: number }[]> {
  const found: { flag: string; fd: number }[] = [];
  for (const [name, flag] of [
    ["mnt", "mount"],
    ["net", "net"],
    ["ipc", "ipc"],
    ["uts", "uts"],
  ] as const) {
    const [theirs, ours] = await Promise.all([pid, "self"].map((who) => readlink(`/proc/${who}/ns/${name}`)));
    if (theirs !== ours) found.push({ flag, fd: openSync(`/proc/${pid}/ns/${name}`, "r") });
  }
  return found;
}

async function supervisorOf(pid: number): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const parent = Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]);
  const [process] = parent > 1 ? await processOf(parent) : [];
  return process && SUPERVISORS.test(process.name) ? process.name : undefined;
}

/** Asks again until it is so; false after the time. */
async function waitFor(so: () => Promise<boolean>, waitMs: number, tooLate?: () => never): Promise<boolean> {
  const deadline = Date.now() + waitMs;
  while (!(await so())) {
    if (Date.now() >= deadline) return tooLate ? tooLate() : false;
    await sleep(50);
  }
  return true;
}
