import { engineRequest, socketOf } from "../docker/request.ts";
import type { Unknown } from "./unknown.ts";

/** What the engine says about itself, as far as checks read it. */
export interface EngineAnswer {
  /** Stays for the life of its data root; by it the ledger of tags is found. */
  id: string;
  /** e.g. `"26.1.5"`. */
  version: string;
  apiVersion: string;
  minApiVersion: string;
  operatingSystem: string;
  osType: string;
  /** e.g. `["name=seccomp,profile=builtin", "name=rootless"]`. */
  securityOptions: string[];
  components: string[];
  dataRoot: string;
  /** e.g. `"overlay2"`, `"vfs"`, `"overlayfs"` (of the containerd store). */
  storageDriver: string;
  containerdStore: boolean;
  cgroupDriver: string;
  liveRestore: boolean;
  runningContainers: number;
  defaultRuntime: string;
  /** Program of each runtime by name. */
  runtimes: Record<string, string>;
  /** CDI devices, e.g. `["nvidia.com/gpu=0"]`; only newer engines tell. */
  devices: string[];
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
  mirrors: string[];
}

/** Longest wait for one answer of the engine, in milliseconds. */
export const engineLimitMs = 7_000;

/** Asks the engine; tells how to start it or to be let in where it does not answer. */
export async function askEngine(host: string, isSandbox = false): Promise<EngineAnswer | Unknown> {
  const get = <T>(path: string) => engineRequest<T>(socketOf(host), { path, timeoutMs: engineLimitMs });
  try {
    const [info, version] = await Promise.all([get<InfoAnswer>("/info"), get<VersionAnswer>("/version")]);
    return readAnswer(info, version);
  } catch (error) {
    return noAnswer(host, error as NodeJS.ErrnoException, isSandbox);
  }
}

/** Reads the bodies of `/info` and `/version`. */
export function readAnswer(info: InfoAnswer, version: VersionAnswer): EngineAnswer {
  const driverStatus = (info.DriverStatus ?? []).map((pair) => pair.join(" "));
  return {
    id: info.ID ?? "",
    version: info.ServerVersion ?? "",
    apiVersion: version.ApiVersion ?? "",
    minApiVersion: version.MinAPIVersion ?? "",
    operatingSystem: info.OperatingSystem ?? "",
    osType: info.OSType ?? "",
    securityOptions: info.SecurityOptions ?? [],
    components: (version.Components ?? []).map(({ Name }) => Name ?? ""),
    dataRoot: info.DockerRootDir ?? "",
    storageDriver: info.Driver ?? "",
    containerdStore: driverStatus.some((line) => line.includes("io.containerd.snapshotter")),
    cgroupDriver: info.CgroupDriver ?? "",
    liveRestore: info.LiveRestoreEnabled ?? false,
    runningContainers: info.ContainersRunning ?? 0,
    defaultRuntime: info.DefaultRuntime ?? "",
    runtimes: Object.fromEntries(
      Object.entries(info.Runtimes ?? {}).map(([name, { path, runtimeType }]) => [
        name,
        path ?? runtimeType ?? "",
      ]),
    ),
    devices: (info.DiscoveredDevices ?? []).map(({ ID }) => ID ?? ""),
    httpProxy: info.HttpProxy ?? "",
    httpsProxy: info.HttpsProxy ?? "",
    noProxy: info.NoProxy ?? "",
    mirrors: info.RegistryConfig?.Mirrors ?? [],
  };
}

function noAnswer(host: string, error: NodeJS.ErrnoException, isSandbox: boolean): Unknown {
  if (error.code === "EACCES")
    return {
      problem: `No permission to use the Docker Engine at ${host}: this user is not in the group docker, or the session is older than that`,
      fix: 'sudo usermod -aG docker "$USER", then log in again',
    };
  const start = isSandbox ? "npm start" : "sudo systemctl start docker";
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED")
    return {
      problem: `No Docker Engine answers at ${host}`,
      fix: isSandbox ? start : `${start}; or install one: https://docs.docker.com/engine/install/`,
    };
  return {
    problem: `The Docker Engine at ${host} does not answer: ${error.message}`,
    fix: isSandbox
      ? "npm run destroy, then npm start (build cache and downloads stay)"
      : "see why: sudo journalctl -u docker -n 50; then sudo systemctl restart docker",
  };
}

export interface InfoAnswer {
  ID?: string;
  ServerVersion?: string;
  OperatingSystem?: string;
  OSType?: string;
  SecurityOptions?: string[] | null;
  DockerRootDir?: string;
  Driver?: string;
  DriverStatus?: string[][] | null;
  CgroupDriver?: string;
  LiveRestoreEnabled?: boolean;
  ContainersRunning?: number;
  DefaultRuntime?: string;
  Runtimes?: Record<string, { path?: string; runtimeType?: string }> | null;
  DiscoveredDevices?: { ID?: string }[] | null;
  HttpProxy?: string;
  HttpsProxy?: string;
  NoProxy?: string;
  RegistryConfig?: { Mirrors?: string[] | null } | null;
}

export interface VersionAnswer {
  ApiVersion?: string;
  MinAPIVersion?: string;
  Components?: { Name?: string }[] | null;
}
