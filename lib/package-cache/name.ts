/**
 * Name of the package cache's volume, and of its two containers with their kind behind it.
 *
 * @example packageCacheName("dev", "python") // "gpu-build-host-dev-package-cache-python"
 */
export function packageCacheName(stack: string, kind?: "python" | "debian"): string {
  const name = `gpu-build-host-${stack}-package-cache`;
  return kind ? `${name}-${kind}` : name;
}
