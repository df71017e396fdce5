import {
  hasProxy,
  proxyVariables,
  readProxies,
  requireProxies,
  type ProxySettings,
} from "../lib/proxy/proxy.ts";

/**
 * Gives the proxies of the settings to everything that this program starts, by their usual variables: Pulumi's installer,
 * go, apt, pip, uv, and Pulumi with its plugins. Without the setting the variables of the user's own shell stay as they are.
 * @param isRequired a URL that cannot be had is an error; otherwise that proxy is left out
 * @throws UserError with a line for each proxy whose URL cannot be had.
 */
export function useProxy(settings: ProxySettings, { isRequired = true } = {}): void {
  if (!hasProxy(settings)) return;
  if (isRequired) requireProxies(settings);
  for (const [name, value] of Object.entries(proxyVariables(readProxies(settings)))) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
