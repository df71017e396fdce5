/**
 * What is wrong with the URL of a registry, or undefined. The registry takes scheme, host and port; it would ignore the rest,
 * or write a login into its own configuration.
 * @example registryUrlProblem("docker.io") // 'must be a URL with its scheme, for Docker Hub: https://registry-1.docker.io'
 */
export function registryUrlProblem(value: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value))
    return "must be a URL with its scheme, for Docker Hub: https://registry-1.docker.io";
  if (!URL.canParse(value)) return 'must be a URL such as "https://registry-1.docker.io"';
  const url = new URL(value);
  if (url.username || url.password || value.includes("@"))
    return "must hold no login: registryCache.login takes one";
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return `must be https or http, not "${url.protocol.slice(0, -1)}"`;
  if (url.pathname !== "/" || url.search || url.hash || /[?#\s]/.test(value))
    return "must be scheme, host and port only";
  return url.port === "0" ? "must not name port 0" : undefined;
}
