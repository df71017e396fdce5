import { engineRequest } from "../docker/request.ts";
import { liveState, type LiveInfo, type LiveState } from "./live-state.ts";

/** What the running engine says about itself: the parts of `/info` and `/version` that decide what we may do. */
export interface EngineInfo {
  serverVersion: string;
  apiVersion: string;
  operatingSystem: string;
  osType: string;
  dockerRootDir: string;
  rootless: boolean;
  isDockerEngine: boolean;
  /** `registry-mirrors` as the daemon uses them now, e.g. `["http://127.0.0.1:5000/"]`. */
  mirrors: string[];
  /** What else of daemon.json the daemon tells. */
  live: LiveState;
  /** Names of the components, for engines that only speak Docker's API. */
  components: string[];
}

const TIME_LIMIT_MS = 10_000;

/** Asks the engine behind a Unix socket. Rejects with Node's own error (`ENOENT`, `ECONNREFUSED`, …) if it cannot be reached. */
export async function engineInfo(socketPath: string): Promise<EngineInfo> {
  const [info, version] = (await Promise.all([get(socketPath, "/info"), get(socketPath, "/version")])) as [
    Info,
    Version,
  ];
  const components = (version.Components ?? []).map((component) => component.Name ?? "");
  return {
    serverVersion: info.ServerVersion ?? "",
    apiVersion: version.ApiVersion ?? "",
    operatingSystem: info.OperatingSystem ?? "",
    osType: info.OSType ?? "",
    dockerRootDir: info.DockerRootDir ?? "",
    rootless: (info.SecurityOptions ?? []).some((option) => option.split(",").includes("name=rootless")),
    isDockerEngine: !components.some((name) => /podman/i.test(name)),
    mirrors: info.RegistryConfig?.Mirrors ?? [],
    live: liveState(info),
    components,
  };
}

interface Info extends LiveInfo {
  ServerVersion?: string;
  OperatingSystem?: string;
  OSType?: string;
  DockerRootDir?: string;
  SecurityOptions?: string[] | null;
}

interface Version {
  ApiVersion?: string;
  Components?: { Name?: string }[] | null;
}

function get(socketPath: string, path: string): Promise<unknown> {
  return engineRequest(socketPath, { path, timeoutMs: TIME_LIMIT_MS });
}
