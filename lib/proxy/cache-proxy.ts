import { keepSecretFile } from "../secrets/kept-file.ts";
import { basicLogin } from "../secrets/url-login.ts";
import { hasProxy, proxyVariables, readProxies, type ProxySettings } from "./proxy.ts";

/** How the cache's container learns its proxies. */
export type CacheProxy =
  /** Shell lines that stand in the container's command. */
  | { script: string }
  /** File with such lines, where they hold a login: `docker inspect` and state show its path only. */
  | { file: string };

/**
 * Makes the proxies ready for the container of the cache; undefined without any.
 * @param folder where a file with a login is kept, e.g. `"/var/lib/gpu-build-host/dev/secrets"`
 */
export async function cacheProxy(
  settings: ProxySettings,
  options: { folder: string; isPreview: boolean },
): Promise<CacheProxy | undefined> {
  if (!hasProxy(settings)) return undefined;
  const proxies = readProxies(settings);
  const script = Object.entries(proxyVariables(proxies))
    .filter((entry): entry is [string, string] => entry[1] !== undefined && /^[A-Z_]+$/.test(entry[0]))
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join("");
  const hasLogin = [proxies.http, proxies.https].some((url) => url !== undefined && basicLogin(url));
  return hasLogin ? { file: await keepSecretFile(options.folder, "proxy", script, options) } : { script };
}
