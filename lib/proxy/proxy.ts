import { BlockList, isIP } from "node:net";
import { resolve } from "node:path";
import { UserError } from "../errors.ts";
import { readSecret, sourceProblem, type SecretSource } from "../secrets/source.ts";

/** A proxy's URL without a login, or where to read a URL that may have one. */
export type ProxySource = string | SecretSource;

/** The setting `proxy`. It may stand in state: it holds no login. */
export interface ProxySettings {
  /** For what is fetched by http. */
  http?: ProxySource | undefined;
  /** For what is fetched by https. */
  https?: ProxySource | undefined;
  /** Hosts that are reached without it, beside this machine: names, `.endings`, addresses, networks. */
  noProxy: string[];
}

/** The proxies with their logins, for the moment of use. */
export interface Proxies {
  http?: string;
  https?: string;
  /** e.g. `["127.0.0.1", "localhost", "::1", ".example.com"]` */
  noProxy: string[];
}

const kinds = ["http", "https"] as const;
/** Never reached through a proxy: the cache, Pulumi's parts, and whatever else listens on this machine only. */
export const thisMachine = ["127.0.0.1", "localhost", "::1"];

/** True where the setting names any proxy. */
export function hasProxy(settings: ProxySettings): boolean {
  return settings.http !== undefined || settings.https !== undefined;
}

/** The same with absolute paths. */
export function proxyInFolder(settings: ProxySettings, folder: string): ProxySettings {
  const absolute = (source: ProxySource | undefined) =>
    typeof source === "object" && "file" in source ? { file: resolve(folder, source.file) } : source;
  const { http, https, noProxy } = settings;
  return {
    ...(http !== undefined && { http: absolute(http) }),
    ...(https !== undefined && { https: absolute(https) }),
    noProxy,
  };
}

/** Lines about proxies whose URL cannot be had, each with its key. */
export function proxyProblems(settings: ProxySettings, env: NodeJS.ProcessEnv = process.env): string[] {
  return kinds.flatMap((kind) => {
    const source = settings[kind];
    if (source === undefined || typeof source === "string") return [];
    const problem = sourceProblem(source, env) ?? urlProblem(readSecret(source, env) ?? "", source);
    return problem ? [`gpu-build-host:proxy.${kind} ${problem}`] : [];
  });
}

/**
 * Refuses to go on where a proxy's URL cannot be had.
 *
 * @throws UserError with a line for each.
 */
export function requireProxies(settings: ProxySettings): void {
  const problems = proxyProblems(settings);
  if (problems.length > 0) throw new UserError(problems.join("\n"));
}

function urlProblem(value: string, source: SecretSource): string | undefined {
  if (isProxyUrl(value)) return undefined;
  const place = "env" in source ? `the variable ${source.env}` : source.file;
  return `comes from ${place}, whose value is no URL such as "http://user:password@proxy.example:3128"`;
}

/** True for `http://…` and `https://…` with nothing after the port. */
export function isProxyUrl(value: string): boolean {
  if (!URL.canParse(value) || /\s/.test(value)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(value);
  return /^https?:$/.test(protocol) && hostname !== "" && pathname === "/" && search === "" && hash === "";
}

/** Reads the proxies' URLs; what cannot be had is left out (`proxyProblems` has named it). */
export function readProxies(settings: ProxySettings, env: NodeJS.ProcessEnv = process.env): Proxies {
  const proxies: Proxies = { noProxy: [...new Set([...thisMachine, ...settings.noProxy])] };
  for (const kind of kinds) {
    const source = settings[kind];
    const url = source === undefined || typeof source === "string" ? source : readSecret(source, env);
    if (url !== undefined && isProxyUrl(url)) proxies[kind] = url;
  }
  return proxies;
}

/**
 * The variables by which programs know their proxies, in both spellings: curl and apt read only the small one of http.
 * A kind that is not set is `undefined`, so that it takes a variable away that was there from elsewhere.
 */
export function proxyVariables(proxies: Proxies): Record<string, string | undefined> {
  const values = {
    http_proxy: proxies.http,
    https_proxy: proxies.https,
    no_proxy: proxies.noProxy.join(","),
  };
  const names = [...Object.entries(values), ["all_proxy", undefined] as const];
  return Object.fromEntries(
    names.flatMap(([name, value]) => [
      [name, value],
      [name.toUpperCase(), value],
    ]),
  );
}

/** The proxy's URL for a request; undefined where it goes straight. */
export function proxyFor(url: URL, proxies: Proxies): string | undefined {
  return isExempt(url, proxies.noProxy) ? undefined : proxies[kindFor(url)];
}

/** Whether a request would go through a proxy: known without reading the proxies' secrets. */
export function isProxied(url: URL, settings: ProxySettings): boolean {
  return settings[kindFor(url)] !== undefined && !isExempt(url, [...thisMachine, ...settings.noProxy]);
}

function kindFor({ protocol }: URL): (typeof kinds)[number] {
  return protocol === "https:" ? "https" : "http";
}

function isExempt({ hostname }: URL, noProxy: string[]): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return noProxy.some((entry) => {
    const name = entry.replace(/^\*?\./, "").toLowerCase();
    if (entry === "*" || host.toLowerCase() === name) return true;
    if (entry.includes("/")) return isInNetwork(host, entry);
    return !isIP(host) && host.toLowerCase().endsWith(`.${name}`);
  });
}

/** True for a host, an ending such as `.example.com`, an address or a network such as `10.0.0.0/8`. */
export function isNoProxyEntry(entry: string): boolean {
  if (!entry.includes("/")) return /^[\w.:*[\]-]+$/.test(entry);
  const [, address = "", bits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  return isIP(address) !== 0 && Number(bits) <= (isIP(address) === 6 ? 128 : 32);
}

function isInNetwork(host: string, network: string): boolean {
  const [address = "", bits] = network.split("/");
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  if (!isIP(host) || isIP(host) !== isIP(address)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family);
  return list.check(host, family);
}
