import { bridgeNetwork } from "../docker/bridge.ts";
import type { Engine } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { basicLogin } from "../secrets/url-login.ts";
import {
  hasProxy,
  proxyVariables,
  readProxies,
  thisMachine,
  type Proxies,
  type ProxySettings,
} from "./proxy.ts";
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
 * @param packages a cache of packages: where it answers for Debian, it takes the place of the proxy for http
 */
export async function openBuildProxy(
  settings: ProxySettings | undefined,
  network: string | undefined,
  taken: string[],
  engine: Engine,
  packages: { address?: string; debianProxy?: string } = {},
): Promise<BuildProxy> {
  const none = { names: [], env: {}, close: () => Promise.resolve() };
  const isSet = settings !== undefined && hasProxy(settings);
  if ((!isSet && packages.debianProxy === undefined) || network === "none") return none;
  const proxies = withPackages(isSet ? readProxies(settings) : { noProxy: thisMachine }, packages);
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

function withPackages(
  proxies: Proxies,
  { address, debianProxy }: { address?: string; debianProxy?: string },
): Proxies {
  if (address === undefined) return proxies;
  const noProxy = [...new Set([...proxies.noProxy, address])];
  return { ...proxies, ...(debianProxy && { http: debianProxy }), noProxy };
}

/** Address of this machine that containers of the default network reach. */
async function bridgeAddress(engine: Engine): Promise<string> {
  const bridge = await bridgeNetwork(engine);
  if (bridge) return bridge.address;
  throw new UserError(
    'a proxy with a login needs the engine\'s bridge for builds, and this engine has none; set engine.network to "host"',
  );
}
