import Docker from "dockerode";

/** What a run needs to know of the engine. */
export interface EngineFacts {
  /** e.g. `"26.1.5"`. */
  version: string;
  /** Folder of images and layers. */
  dataRoot: string;
  /** True where the stack's own cache runs. */
  cacheRuns: boolean;
  /** Stack that the cache's volume belongs to; null where it has no label, undefined where there is no volume. */
  volumeStack: string | null | undefined;
  /** True where the shared base is built. */
  hasBase: boolean;
}

/** Asks the engine, at most for a few seconds; returns one line about it where it does not answer. */
export async function engineFacts(
  host: string,
  cacheName: string,
  baseReference: string,
): Promise<EngineFacts | string> {
  const docker = new Docker({ socketPath: host.replace(/^unix:\/\//, ""), timeout: 10_000 });
  try {
    const [info, container, volume, base] = await Promise.all([
      docker.info() as Promise<{ ServerVersion: string; DockerRootDir: string }>,
      docker.getContainer(cacheName).inspect().catch(missing),
      docker.getVolume(cacheName).inspect().catch(missing),
      docker.getImage(baseReference).inspect().catch(missing),
    ]);
    return {
      version: info.ServerVersion,
      dataRoot: info.DockerRootDir,
      cacheRuns: container?.State.Running ?? false,
      volumeStack: volume && (volume.Labels?.["gpu-build-host.stack"] ?? null),
      hasBase: base !== undefined,
    };
  } catch (error) {
    return noAnswer(host, error as NodeJS.ErrnoException);
  }
}

function missing(error: Error & { statusCode?: number }): undefined {
  if (error.statusCode === 404) return undefined;
  throw error;
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
