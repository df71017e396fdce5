import { request } from "node:http";

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
    components,
  };
}

interface Info {
  ServerVersion?: string;
  OperatingSystem?: string;
  OSType?: string;
  DockerRootDir?: string;
  SecurityOptions?: string[] | null;
  RegistryConfig?: { Mirrors?: string[] | null } | null;
}

interface Version {
  ApiVersion?: string;
  Components?: { Name?: string }[] | null;
}

// Two GETs: the whole client library would take longer to load than they take to run, twice in every `up`.
function get(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIME_LIMIT_MS);
    const query = request({ socketPath, path, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode !== 200)
          return reject(new Error(`GET ${path}: ${response.statusCode} ${text.slice(0, 200)}`));
        try {
          resolve(JSON.parse(text));
        } catch {
          reject(new Error(`GET ${path}: the answer is not JSON`));
        }
      });
    });
    query.on("error", (error) =>
      reject(signal.aborted ? new Error(`no answer in ${TIME_LIMIT_MS / 1000} s`) : error),
    );
    query.end();
  });
}
