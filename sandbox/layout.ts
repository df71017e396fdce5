import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** Every path of one sandbox. `root` is git-ignored and may be deleted as a whole; `runDir` is gone after a reboot. */
export interface SandboxLayout {
  /** Absolute path of the sandbox's folder, e.g. `"/home/me/gpu-build-host/.sandbox"`. */
  root: string;
  /** 12 hexadecimal digits that stand for `root`. */
  id: string;
  /** Short on purpose: containerd refuses socket paths over 104 characters. */
  runDir: string;
  socket: string;
  /** `unix://` and the socket. */
  dockerHost: string;
  pidFile: string;
  execRoot: string;
  /** Name of the cgroup below each controller that holds all containers and builds of this engine. */
  cgroup: string;
  dataRoot: string;
  daemonConfig: string;
  engineLog: string;
  /** Which engine runs: written when it was started. */
  engineRecord: string;
  /** `DOCKER_CONFIG` of the sandbox: plugins and builders of its own, no credentials of the user. */
  dockerConfigDir: string;
  portsFile: string;
  /** What `lib/settings` reads about a started sandbox. */
  factsFile: string;
  upstream: { dir: string; configFile: string; storage: string; log: string; record: string };
  standInsFile: string;
  tempDir: string;
}

/**
 * Names every path of the sandbox in `root`. Symbolic links are resolved, so one folder is one sandbox.
 *
 * @param folder Absolute path; it need not exist.
 */
export function sandboxLayout(folder: string): SandboxLayout {
  const root = realPath(resolve(folder));
  const id = createHash("sha256").update(root).digest("hex").slice(0, 12);
  return { root, id, ...runPaths(`/run/gpu-build-host/${id}`, id), ...rootPaths(root) };
}

function runPaths(runDir: string, id: string) {
  const socket = join(runDir, "docker.sock");
  return {
    runDir,
    socket,
    dockerHost: `unix://${socket}`,
    pidFile: join(runDir, "docker.pid"),
    execRoot: join(runDir, "exec"),
    cgroup: `gpu-build-host-${id}`,
  };
}

function rootPaths(root: string) {
  const upstream = join(root, "upstream");
  return {
    dataRoot: join(root, "docker"),
    daemonConfig: join(root, "daemon.json"),
    engineLog: join(root, "dockerd.log"),
    engineRecord: join(root, "engine.json"),
    dockerConfigDir: join(root, "docker-config"),
    portsFile: join(root, "ports.json"),
    factsFile: join(root, "facts.json"),
    upstream: {
      dir: upstream,
      configFile: join(upstream, "config.yml"),
      storage: join(upstream, "storage"),
      log: join(upstream, "access.log"),
      record: join(upstream, "process.json"),
    },
    standInsFile: join(root, "stand-ins.json"),
    tempDir: join(root, "tmp"),
  };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPath(dirname(path)), basename(path));
  }
}
