/**
 * Name of a cache's container and volume.
 *
 * @param registry the registry that it is for; Docker Hub where none is given
 * @example cacheName("dev", "nvcr.io") // "gpu-build-host-dev-registry-cache-nvcr.io"
 */
export function cacheName(stack: string, registry?: string): string {
  const name = `gpu-build-host-${stack}-registry-cache`;
  return registry ? `${name}-${registry.replace(":", "-")}` : name;
}

/** Name of the container and volume of the registry that a stack's builds push to. */
export function buildCacheName(stack: string): string {
  return `gpu-build-host-${stack}-build-cache`;
}
