import type { Engine } from "../docker/engine.ts";
import { EngineError } from "../docker/request.ts";

/**
 * Which of these packed layers a registry cache has on its disk. Not asked of the cache: to a pull-through cache even a HEAD
 * is a reason to fetch the layer. The engine looks into the container's volume instead, for the name of the file only.
 * @param port host port of the cache, as its container's label has it
 * @returns digests; undefined where there is no such container, or it cannot be looked into
 */
export async function layersInCache(
  engine: Engine,
  port: number,
  digests: string[],
): Promise<Set<string> | undefined> {
  try {
    const [container] = await engine.containers({ label: [`gpu-build-host.port=${port}`] });
    if (!container) return undefined;
    const found = await Promise.all(
      digests.map(async (digest) =>
        (await hasFile(engine, container.id, blobPath(digest))) ? [digest] : [],
      ),
    );
    return new Set(found.flat());
  } catch {
    return undefined;
  }
}

/** Where the registry keeps a blob, in its container. */
export function blobPath(digest: string): string {
  const [algorithm, hex = ""] = digest.split(":");
  return `/var/lib/registry/docker/registry/v2/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}/data`;
}

async function hasFile(engine: Engine, container: string, path: string): Promise<boolean> {
  try {
    await engine.ask({
      method: "HEAD",
      path: `/containers/${container}/archive`,
      query: { path },
      timeoutMs: 2_000,
    });
    return true;
  } catch (error) {
    if (error instanceof EngineError && error.statusCode === 404) return false;
    throw error;
  }
}
