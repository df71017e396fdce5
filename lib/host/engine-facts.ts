import { engineRequest, socketOf, unlessMissing } from "../docker/request.ts";

/** What a run needs to know of the engine. */
export interface EngineFacts {
  /** e.g. `"26.1.5"`. */
  version: string;
  /** The engine's own ID, by which the ledger of tags is found. */
  id: string;
  /** Folder of images and layers. */
  dataRoot: string;
  /** Port of the stack's own cache, where it runs. */
  cachePort: string | undefined;
  /** Stack that the cache's volume belongs to; null where it has no label, undefined where there is no volume. */
  volumeStack: string | null | undefined;
  /** Those of the stack's hash references that are still to be built. */
  missingImages: Set<string>;
}

interface CacheContainer {
  State: { Running: boolean };
  Config: { Labels?: Record<string, string> | null };
}

/** Asks the engine, at most for a few seconds; returns one line about it where it does not answer. */
export async function engineFacts(
  host: string,
  cacheName: string,
  references: string[],
): Promise<EngineFacts | string> {
  const get = <T>(path: string) => engineRequest<T>(socketOf(host), { path, timeoutMs: 10_000 });
  try {
    const [info, container, volume, ...images] = await Promise.all([
      get<{ ServerVersion: string; ID: string; DockerRootDir: string }>("/info"),
      unlessMissing(get<CacheContainer>(`/containers/${cacheName}/json`)),
      unlessMissing(get<{ Labels?: Record<string, string> | null }>(`/volumes/${cacheName}`)),
      ...references.map((reference) => unlessMissing(get<object>(`/images/${reference}/json`))),
    ]);
    return {
      version: info.ServerVersion,
      id: info.ID,
      dataRoot: info.DockerRootDir,
      cachePort: container?.State.Running ? container.Config.Labels?.["gpu-build-host.port"] : undefined,
      volumeStack: volume && (volume.Labels?.["gpu-build-host.stack"] ?? null),
      missingImages: new Set(references.filter((_, index) => images[index] === undefined)),
    };
  } catch (error) {
    return noAnswer(host, error as NodeJS.ErrnoException);
  }
}

function noAnswer(host: string, error: NodeJS.ErrnoException): string {
  if (error.code === "EACCES") {
    return `No permission to use the Docker Engine at ${host}: sudo usermod -aG docker "$USER", then log in again.`;
  }
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED") {
    return `No Docker Engine answers at ${host}. Start it (sudo systemctl start docker) or install one: https://docs.docker.com/engine/install/`;
  }
  return `The Docker Engine at ${host} does not answer: ${error.message}`;
}
