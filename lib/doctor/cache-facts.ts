import { engineRequest, socketOf, unlessMissing } from "../docker/request.ts";
import { cacheName } from "../registry/cache-name.ts";
import type { Settings } from "../settings/settings.ts";

/** The stack's own cache as the engine has it. */
export interface CacheFacts {
  /** Name of its container and of its volume, e.g. `"gpu-build-host-dev-registry-cache"`. */
  name: string;
  container?: {
    id: string;
    running: boolean;
    /** Docker's word: `"healthy"`, `"unhealthy"`, `"starting"`; empty without a health check. */
    health: string;
    /** From its label. */
    port: string;
    stack: string;
  };
  /** Stack that the volume belongs to; null where it has no label, undefined where there is no volume. */
  volumeStack: string | null | undefined;
}

/**
 * Asks the engine for a cache's container and volume. Rejects as the engine's requests do.
 * @param registry the registry that it is for. @default Docker Hub
 */
export async function askCache(
  settings: Settings,
  timeoutMs: number,
  registry?: string,
): Promise<CacheFacts> {
  const name = cacheName(settings.stack, registry);
  const get = <T>(path: string) =>
    unlessMissing(engineRequest<T>(socketOf(settings.engine.host), { path, timeoutMs }));
  const [container, volume] = await Promise.all([
    get<ContainerAnswer>(`/containers/${name}/json`),
    get<{ Labels?: Record<string, string> | null }>(`/volumes/${name}`),
  ]);
  const labels = container?.Config.Labels ?? {};
  return {
    name,
    ...(container && {
      container: {
        id: container.Id,
        running: container.State.Running,
        health: container.State.Health?.Status ?? "",
        port: labels["gpu-build-host.port"] ?? "",
        stack: labels["gpu-build-host.stack"] ?? "",
      },
    }),
    volumeStack: volume && (volume.Labels?.["gpu-build-host.stack"] ?? null),
  };
}

interface ContainerAnswer {
  Id: string;
  State: { Running: boolean; Health?: { Status?: string } };
  Config: { Labels?: Record<string, string> | null };
}
