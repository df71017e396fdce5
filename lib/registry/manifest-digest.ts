import { createHash } from "node:crypto";
import { UserError } from "../errors.ts";
import { basicAuthorization, type CacheLogin } from "./cache-login.ts";
import { fetchBy, whyNoAnswer } from "../proxy/fetch.ts";
import type { Proxies } from "../proxy/proxy.ts";
import { digestByDocker } from "./docker-digest.ts";
import { familiarName, parseReference, type ImageReference } from "../images/image-reference.ts";

/** Where and how long to ask. */
export interface RegistryOptions {
  /** Address that stands for a registry and is asked before it, e.g. `{"docker.io": "http://127.0.0.1:5000"}`. */
  mirrors?: Record<string, string>;
  /** Login at the mirror of a registry, by the registry's host; `docker login` serves the registry itself. */
  logins?: Record<string, CacheLogin>;
  /** Milliseconds for one answer. @default 15000 */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** The way out of this network. @default straight */
  proxies?: Proxies;
  /** Ask only once, by our own request: `docker`, which has more logins, takes its time. @default false */
  briefly?: boolean;
}

const noSuchImage = "no such image";
const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * Asks the registry for the digest behind an image reference (of the index, where there is one).
 * @example await fetchManifestDigest("nvidia/cuda:12.8.1-base-ubuntu22.04") // "sha256:…"
 * Throws a UserError that says which address answered what.
 */
export async function fetchManifestDigest(reference: string, options: RegistryOptions = {}): Promise<string> {
  const parsed = parseReference(reference);
  if (!parsed) throw new UserError(`"${reference}" is not an image reference`);
  if (parsed.digest) return parsed.digest;
  const problems: string[] = [];
  for (const address of addressesOf(parsed, options.mirrors?.[parsed.host])) {
    const answer = await askForDigest(address, parsed, options);
    if ("digest" in answer) return answer.digest;
    problems.push(`${address}: ${answer.problem}`);
  }
  const isFinal = options.briefly || problems.every((problem) => problem.endsWith(noSuchImage));
  const digest = isFinal ? undefined : await digestByDocker(familiarName(parsed), options);
  if (digest !== undefined) return digest;
  throw new UserError(
    `cannot find out the digest of ${familiarName(parsed)} (${problems.join("; ")}); check the name and the network, or write the digest into the lock file by hand`,
  );
}

function addressesOf({ host }: ImageReference, mirror: string | undefined): string[] {
  const own =
    host === "docker.io"
      ? "https://registry-1.docker.io"
      : `${isLoopback(host) ? "http" : "https"}://${host}`;
  return [...new Set([...(mirror ? [mirror.replace(/\/+$/, "")] : []), own])];
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host);
}

async function askForDigest(
  address: string,
  { host, repository, tag = "latest" }: ImageReference,
  options: RegistryOptions,
): Promise<{ digest: string } | { problem: string }> {
  const url = `${address}/v2/${repository}/manifests/${tag}`;
  try {
    const asked = await askWithLogin(
      address,
      { host, repository, path: `manifests/${tag}`, method: "HEAD" },
      options,
    );
    if (!asked) return { problem: "needs a login" };
    const { response, headers } = asked;
    if (response.status === 401 || response.status === 403)
      return { problem: "needs a login, or there is no such image" };
    if (response.status === 404) return { problem: noSuchImage };
    if (response.status === 429) return { problem: "too many requests; wait, or use a mirror" };
    if (!response.ok) return { problem: `HTTP ${response.status}` };
    const digest = response.headers.get("docker-content-digest");
    if (digest) return { digest };
    const manifest = await request(url, "GET", headers, options);
    if (!manifest.ok) return { problem: `HTTP ${manifest.status}` };
    return {
      digest: `sha256:${createHash("sha256")
        .update(Buffer.from(await manifest.arrayBuffer()))
        .digest("hex")}`,
    };
  } catch (error) {
    return { problem: networkProblem(error, options) };
  }
}

/** One question to a registry, asked again with a token where it wants one; undefined where there is none to be had. */
async function askWithLogin(
  address: string,
  asked: { host: string; repository: string; path: string; method: "HEAD" | "GET" },
  options: RegistryOptions,
): Promise<{ response: Response; headers: Record<string, string> } | undefined> {
  const { host, repository, path, method } = asked;
  const url = `${address}/v2/${repository}/${path}`;
  let headers: Record<string, string> = { accept: manifestTypes };
  let response = await request(url, method, headers, options);
  if (response.status === 401) {
    const challenge = response.headers.get("www-authenticate") ?? "";
    const isMirror = options.mirrors?.[host]?.replace(/\/+$/, "") === address;
    const login = isMirror ? options.logins?.[host] : undefined;
    const token = await fetchToken({ address, challenge, repository, login }, options);
    if (!token) return undefined;
    headers = { ...headers, authorization: `Bearer ${token}` };
    response = await request(url, method, headers, options);
  }
  return { response, headers };
}

/**
 * A manifest, or the configuration of an image: a few kilobytes of JSON by digest.
 * @param path e.g. `"manifests/sha256:…"` or `"blobs/sha256:…"`; never that of a layer
 * Throws a UserError that says which address answered what.
 */
export async function fetchRegistryJson(
  reference: ImageReference,
  path: string,
  options: RegistryOptions = {},
): Promise<unknown> {
  const { host, repository } = reference;
  const problems: string[] = [];
  for (const address of addressesOf(reference, options.mirrors?.[host])) {
    try {
      const asked = await askWithLogin(address, { host, repository, path, method: "GET" }, options);
      if (asked?.response.ok) return await asked.response.json();
      problems.push(`${address}: ${asked ? `HTTP ${asked.response.status}` : "needs a login"}`);
    } catch (error) {
      problems.push(`${address}: ${networkProblem(error, options)}`);
    }
  }
  throw new UserError(problems.join("; "));
}

/** Token by the `WWW-Authenticate: Bearer realm=…,service=…` that the registry sent; anonymous where there is no login. */
async function fetchToken(
  asked: { address: string; challenge: string; repository: string; login: CacheLogin | undefined },
  options: RegistryOptions,
): Promise<string | undefined> {
  const { challenge, repository, login } = asked;
  if (!/^bearer /i.test(challenge)) return undefined;
  const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1]!, match[2]!]));
  const realm = fields.get("realm");
  if (!realm) return undefined;
  const url = new URL(realm);
  if (fields.has("service")) url.searchParams.set("service", fields.get("service")!);
  url.searchParams.set("scope", `repository:${repository}:pull`);
  // A login goes to the registry's own house only, whatever its answer names.
  const headers =
    login && isSameHouse(new URL(asked.address), url) ? { authorization: basicAuthorization(login) } : {};
  const response = await request(url.href, "GET", headers as Record<string, string>, options);
  if (!response.ok) return undefined;
  const body = (await response.json()) as { token?: string; access_token?: string };
  return body.token ?? body.access_token;
}

/** Same host, or HTTPS at the same domain: registry-1.docker.io and auth.docker.io. */
function isSameHouse(registry: URL, realm: URL): boolean {
  if (registry.host === realm.host)
    return registry.protocol === realm.protocol || realm.protocol === "https:";
  const domain = ({ hostname }: URL) => hostname.split(".").slice(-2).join(".");
  return (
    realm.protocol === "https:" && !/^[\d.]+$|:/.test(realm.hostname) && domain(registry) === domain(realm)
  );
}

async function request(
  url: string,
  method: string,
  headers: Record<string, string>,
  options: RegistryOptions,
): Promise<Response> {
  const limit = AbortSignal.timeout(options.timeoutMs ?? 15_000);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  return fetchBy(options.proxies, url, { method, headers, signal });
}

function networkProblem(error: unknown, options: RegistryOptions): string {
  if ((error as Error).name === "TimeoutError")
    return `no answer in ${(options.timeoutMs ?? 15_000) / 1000} s`;
  return whyNoAnswer(error);
}
