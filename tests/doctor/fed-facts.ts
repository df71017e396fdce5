import { mkdtempSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allChecks } from "../../lib/doctor/all-checks.ts";
import type { DaemonFacts } from "../../lib/doctor/daemon-facts.ts";
import { readAnswer, type EngineAnswer, type InfoAnswer } from "../../lib/doctor/engine-answer.ts";
import { runChecks, type CheckResult } from "../../lib/doctor/run-checks.ts";
import type { Facts } from "../../lib/doctor/types.ts";
import { parseSettings, type Settings } from "../../lib/settings/settings.ts";

/** Settings of a stack `dev` with the given values; its files lie in a folder that does not exist. */
export function settingsOf(values: Record<string, unknown> = {}, root = "/nowhere"): Settings {
  return parseSettings({
    stack: "dev",
    root,
    stateDir: join(root, "state"),
    file: "Pulumi.dev.yaml",
    values,
    readSandboxFacts: () => {
      throw new Error("not a sandbox");
    },
  });
}

/** What a good engine says, with changes to the body of its `/info` and its API versions. */
export function engineOf(info: InfoAnswer = {}, apiVersion = "1.45"): EngineAnswer {
  const good: InfoAnswer = {
    ServerVersion: "26.1.5",
    OperatingSystem: "Debian GNU/Linux 12",
    OSType: "linux",
    DockerRootDir: "/",
    Driver: "overlay2",
    CgroupDriver: "systemd",
    LiveRestoreEnabled: true,
    ContainersRunning: 1,
    DefaultRuntime: "runc",
    Runtimes: { runc: { path: "sh" } },
    RegistryConfig: { Mirrors: ["http://127.0.0.1:5000/"] },
  };
  return readAnswer({ ...good, ...info }, { ApiVersion: apiVersion, MinAPIVersion: "1.24", Components: [] });
}

/** The facts of a good host without a GPU, with changes. */
export function factsOf(changes: Partial<Facts> = {}): Facts {
  return {
    settings: settingsOf(),
    started: true,
    env: process.env,
    deep: false,
    engine: async () => engineOf(),
    daemon: async () => daemonOf("{}"),
    cache: async () => ({ name: "gpu-build-host-dev-registry-cache", volumeStack: undefined }),
    nvidia: async () => ({ state: "absent", hardware: false }),
    upstream: async () => ({
      status: 200,
      seconds: 0.1,
      date: Date.now(),
      isRegistry: true,
      contentType: "",
    }),
    images: async () => [],
    missingImages: async () => [],
    cacheImage: async () => `registry@sha256:${"0".repeat(64)}`,
    ...changes,
  };
}

/** A dockerd whose daemon.json has this text, and what it uses of it. */
export function daemonOf(
  text: string | null,
  { live = [], args = [], hosts = [] }: { live?: string[]; args?: string[]; hosts?: string[] } = {},
): DaemonFacts {
  const managed = {
    socketPath: "/var/run/docker.sock",
    info: { mirrors: live },
    process: { pid: 4321, startTime: "1", name: "dockerd", args },
    flags: { configFile: "/etc/docker/daemon.json", configFileGiven: false, hosts, byKey: new Map() },
    file: "/etc/docker/daemon.json",
  };
  return { managed: managed as unknown as NonNullable<DaemonFacts["managed"]>, text };
}

/** Result of one check on facts. */
export async function check(id: string, facts: Facts): Promise<CheckResult> {
  const definitions = allChecks.filter((definition) => definition.id === id);
  if (definitions.length !== 1) throw new Error(`${definitions.length} checks have the id ${id}`);
  return (await runChecks(definitions, facts))[0]!;
}

const folders: string[] = [];

/** A folder for PATH with programs of the given shell scripts; `afterEach(removePrograms)` takes it away. */
export function programs(scripts: Record<string, string>): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), "doctor-programs-"));
  folders.push(folder);
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return { folder, env: { PATH: `${folder}:/usr/bin:/bin` } };
}

export function removePrograms(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
