/** Where a fault is tried: the file below `tests/`, and a title in it as it is written there. */
export type Test = [file: string, title: string];

/** A fault of the design's list, by its number there. */
export interface Fault {
  id: string;
  what: string;
  /** Tests that inject it into the real parts. */
  tests?: Test[];
  /** Why it cannot be tried here. */
  cannot?: string;
}

/** Test files, below `tests/`. */
export const files = {
  kill: "faults/kill.test.ts",
  upstream: "faults/upstream.test.ts",
  ports: "faults/ports.test.ts",
  disk: "faults/cache-disk.test.ts",
  engine: "faults/engine.test.ts",
  drift: "integration/drift.test.ts",
  stacks: "integration/two-stacks.test.ts",
  settle: "daemon/settle.test.ts",
  atomic: "daemon/atomic-file.test.ts",
  config: "provider/daemon-config.test.ts",
  configStacks: "provider/daemon-config-stacks.test.ts",
  failing: "faults/destroy.test.ts",
  notRoot: "faults/not-root.test.ts",
  guide: "integration/guide-host.test.ts",
  badInput: "integration/bad-input.test.ts",
  oneAtATime: "cli/one-at-a-time.test.ts",
  restart: "daemon/restart.test.ts",
  service: "daemon/service.test.ts",
  strictFile: "daemon/strict-file.test.ts",
  killedWrite: "daemon/killed-write.test.ts",
  changeClass: "daemon/change-class.test.ts",
  configSettings: "provider/daemon-config-settings.test.ts",
  daemonSettings: "integration/daemon-settings.test.ts",
  recovery: "faults/recovery.test.ts",
  recover: "faults/recover.test.ts",
  busy: "faults/busy-host.test.ts",
  registryCache: "integration/registry-cache.test.ts",
  secrets: "integration/secrets.test.ts",
  doctor: "doctor/doctor.test.ts",
  doctorDocker: "doctor/docker.test.ts",
  gpu: "doctor/gpu.test.ts",
  net: "doctor/net.test.ts",
  mirrorUrl: "daemon/mirror-url.test.ts",
};

export function fault(id: string, what: string, ...tests: Test[]): Fault {
  return { id, what, tests };
}
