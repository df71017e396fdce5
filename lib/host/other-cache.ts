import { engineRequest, socketOf } from "../docker/request.ts";

/** A pull-through cache that no stack of ours made: the guide's compose service, for one. */
export interface OtherCache {
  /** Name of its container. */
  container: string;
  isRunning: boolean;
  /** Port of the host that it answers on; undefined where it cannot be told. */
  port: number | undefined;
  /** Volume with its layers; undefined where they lie in a folder or in the container. */
  volume: string | undefined;
  /** Compose project that it belongs to. */
  project: string | undefined;
}

interface ListedContainer {
  Id: string;
  Image: string;
  Labels?: Record<string, string> | null;
}

interface InspectedContainer {
  Name: string;
  State: { Running: boolean };
  Config: { Env?: string[] | null; Labels?: Record<string, string> | null };
  HostConfig: {
    NetworkMode?: string;
    PortBindings?: Record<string, { HostPort?: string }[] | null> | null;
  };
  Mounts?: { Type: string; Name?: string; Destination: string }[];
}

/** Pull-through caches on the engine beside our own, running or not. */
export async function otherCaches(dockerHost: string): Promise<OtherCache[]> {
  const get = <T>(path: string) => engineRequest<T>(socketOf(dockerHost), { path, timeoutMs: 10_000 });
  const listed = await get<ListedContainer[]>("/containers/json?all=true");
  const likely = listed.filter(
    ({ Image, Labels }) =>
      !Labels?.["gpu-build-host.role"] &&
      /registry/.test(`${Image} ${Labels?.["com.docker.compose.service"] ?? ""}`),
  );
  const inspected = await Promise.all(
    likely.map(({ Id }) => get<InspectedContainer>(`/containers/${Id}/json`).catch(() => undefined)),
  );
  return inspected.flatMap((container) => {
    const variables = container?.Config.Env ?? [];
    if (!container || !variables.some((line) => line.startsWith("REGISTRY_PROXY_REMOTEURL="))) return [];
    return [
      {
        container: container.Name.replace(/^\//, ""),
        isRunning: container.State.Running,
        port: portOf(container, variables),
        volume: container.Mounts?.find((mount) => mount.Destination === "/var/lib/registry")?.Name,
        project: container.Config.Labels?.["com.docker.compose.project"],
      },
    ];
  });
}

function portOf({ HostConfig }: InspectedContainer, variables: string[]): number | undefined {
  const inside = /^REGISTRY_HTTP_ADDR=.*:(\d+)$/m.exec(variables.join("\n"))?.[1] ?? "5000";
  if (HostConfig.NetworkMode === "host") return Number(inside);
  const published = HostConfig.PortBindings?.[`${inside}/tcp`]?.[0]?.HostPort;
  return published ? Number(published) : undefined;
}

/** Who a cache of somebody else's is, for a message. */
export function named({ container, project, volume }: OtherCache): string {
  const origin = project ? ` of the compose project ${project}` : "";
  return `the container ${container}${origin}${volume ? `, its layers in the volume ${volume}` : ""}`;
}

/** What a person can do where somebody else's cache has the port: nothing of theirs is stopped by us. */
export function waysToAdopt(cache: OtherCache, stack: string): string {
  const set = `pulumi config set --stack ${stack} --path gpu-build-host:registryCache`;
  const external = `use it as it is: ${set}.mode external`;
  if (!cache.volume) return external;
  return `${external}; or take its layers over: docker stop ${cache.container}, then ${set}.volume ${cache.volume}`;
}
