import {
  hasProxy,
  proxyVariables,
  readProxies,
  requireProxies,
  thisMachine,
  type ProxySettings,
} from "../lib/proxy/proxy.ts";

/**
 * Gives the proxies of the settings to everything that this program starts, by their usual variables: Pulumi's installer,
 * go, apt, pip, uv, and Pulumi with its plugins. Without the setting the variables of the user's own shell stay, with this
 * machine taken out.
 * @param isRequired a URL that cannot be had is an error; otherwise that proxy is left out
 * @throws UserError with a line for each proxy whose URL cannot be had.
 */
export function useProxy(settings: ProxySettings, { isRequired = true } = {}): void {
  if (!hasProxy(settings)) return exemptThisMachine();
  if (isRequired) requireProxies(settings);
  for (const [name, value] of Object.entries(proxyVariables(readProxies(settings)))) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/** Pulumi and its plugins speak to each other on loopback, and would do so through a proxy that the shell names. */
function exemptThisMachine(): void {
  const { env } = process;
  if (!["http_proxy", "https_proxy", "all_proxy"].some((name) => env[name] || env[name.toUpperCase()]))
    return;
  const own = (env["no_proxy"] || env["NO_PROXY"] || "").split(",").filter(Boolean);
  env["no_proxy"] = env["NO_PROXY"] = [...new Set([...own, ...thisMachine])].join(",");
}
