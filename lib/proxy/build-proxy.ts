import type { Engine } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { basicLogin } from "../secrets/url-login.ts";
import { hasProxy, proxyVariables, readProxies, type Proxies, type ProxySettings } from "./proxy.ts";
import { startRelay, type Relay } from "./relay.ts";

/** Proxies as one build gets them. */
export interface BuildProxy {
  /** For `--build-arg NAME` without a value: buildx takes it from its own environment, so it is in no argument list. */
  names: string[];
  env: Record<string, string>;
  close(): Promise<void>;
}

/**
 * Makes the proxies ready for a build's RUN steps. BuildKit keeps them out of layers, history and cache keys, but writes
 * them into the record of the build: where one has a login, the build gets a relay that knows it instead.
 * @param taken build arguments that the user gives: their word counts
 */
export async function openBuildProxy(
  settings: ProxySettings | undefined,
  network: string | undefined,
  taken: string[],
  engine: Engine,
): Promise<BuildProxy> {
  const none = { names: [], env: {}, close: () => Promise.resolve() };
  if (!settings || !hasProxy(settings) || network === "none") return none;
  const proxies = readProxies(settings);
  const urls = [proxies.http, proxies.https].filter((url) => url !== undefined);
  const relay = urls.some(basicLogin)
    ? await startRelay(proxies, network === "host" ? "127.0.0.1" : await bridgeAddress(engine))
    : undefined;
  const own = new Set(taken.map((name) => name.toUpperCase()));
  const env = Object.fromEntries(
    Object.entries(proxyVariables(relay ? throughRelay(proxies, relay) : proxies)).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && /^[A-Z_]+$/.test(entry[0]) && !own.has(entry[0]),
    ),
  );
  return { names: Object.keys(env), env, close: () => relay?.close() ?? Promise.resolve() };
}

function throughRelay(proxies: Proxies, { url }: Relay): Proxies {
  return {
    noProxy: proxies.noProxy,
    ...(proxies.http && { http: url }),
    ...(proxies.https && { https: url }),
  };
}

/** Address of this machine that containers of the default network reach. */
async function bridgeAddress(engine: Engine): Promise<string> {
  const bridge = await engine
    .ask<{ IPAM?: { Config?: { Gateway?: string }[] } }>({ path: "/networks/bridge" })
    .catch(() => undefined);
  const gateway = bridge?.IPAM?.Config?.find(({ Gateway }) => Gateway)?.Gateway;
  if (gateway) return gateway.split("/")[0]!;
  throw new UserError(
    'a proxy with a login needs the engine\'s bridge for builds, and this engine has none; set engine.network to "host"',
  );
}
