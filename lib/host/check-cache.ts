import { existsSync, readFileSync } from "node:fs";
import { CERTS_FOLDER, engineRoot } from "../daemon/engine-root.ts";
import { engineRequest, socketOf, unlessMissing } from "../docker/request.ts";
import { cacheAddress, cacheUrl, ownAddress } from "../registry/cache-address.ts";
import { loginProblem } from "../registry/cache-login.ts";
import { cacheName } from "../registry/cache-name.ts";
import { cachesOf, type CacheSettings } from "../registry/cache-settings.ts";
import { hostsToml } from "../registry/hosts-toml.ts";
import { tlsProblems } from "../registry/certificate.ts";
import type { Settings } from "../settings/settings.ts";
import type { EngineFacts } from "./engine-facts.ts";
import { foreignFiles } from "./host-folder.ts";
import { named, otherCaches, waysToAdopt } from "./other-cache.ts";
import { noSuchAddress, portHolder } from "./port-holder.ts";

/** First engine that reads hosts.toml. */
const hostsTomlEngine = 28;

type CacheFacts = Pick<EngineFacts, "cachePort" | "volumeStack">;

/** What stands in the way of a stack's own caches: ports, volumes, certificates, logins, files of others. */
export async function cacheProblems(settings: Settings, facts: EngineFacts): Promise<string[]> {
  const [hub, ...others] = cachesOf(settings);
  if (hub.mode !== "own") return [];
  const problems = await problemsOf(settings, hub, facts);
  const adoption = hub.volume ? await adoptionProblem(settings, hub.volume) : undefined;
  if (adoption) problems.push(adoption);
  if (others.length > 0 && Number.parseInt(facts.version, 10) < hostsTomlEngine) {
    const names = others.map(({ registry }) => registry).join(", ");
    return [
      ...problems,
      `registryCache.registries needs Engine ${hostsTomlEngine}; this one is ${facts.version}: it reads no hosts.toml, so it would never ask a cache of ${names}. Upgrade the engine, or take registries out.`,
    ];
  }
  for (const cache of others)
    problems.push(...(await problemsOf(settings, cache, await factsOf(settings, cache))));
  return problems;
}

async function problemsOf(settings: Settings, cache: CacheSettings, facts: CacheFacts): Promise<string[]> {
  const { registry, bind, port, tls, login } = cache;
  const key = registry ? `registryCache.registries.${registry}` : "registryCache";
  const problems = [
    foreignVolume(cacheName(settings.stack, registry), settings.stack, facts.volumeStack),
    facts.cachePort === String(port) ? undefined : await takenPort(settings, key, bind, port),
    login && loginProblem(`gpu-build-host:${key}.login`, login),
    ...(tls ? tlsProblems(tls, bind) : []),
    ...(registry ? await foreignHostsToml(settings, registry) : []),
  ];
  return problems.filter((problem) => problem !== undefined);
}

/** Docker would adopt a volume of that name silently, and destroy would delete it with its data. */
function foreignVolume(name: string, stack: string, owner: string | null | undefined): string | undefined {
  if (owner === undefined || owner === stack) return undefined;
  return `The volume ${name} exists and is not of the stack ${stack}. Rename or remove it: docker volume rm ${name}`;
}

async function takenPort(
  { engine, stack }: Settings,
  key: string,
  bind: string,
  port: number,
): Promise<string | undefined> {
  const holder = await portHolder(port, bind);
  if (!holder) return undefined;
  if (holder === noSuchAddress)
    return `${bind} is no address of this machine. Choose one of those that "ip address" shows: pulumi config set --path gpu-build-host:${key}.bind ADDRESS`;
  const other = (await otherCaches(engine.host)).find((cache) => cache.isRunning && cache.port === port);
  if (other)
    return `Port ${port} is the one of a registry cache that no stack made: ${named(other)}. Either ${waysToAdopt(other, stack)}`;
  return `Port ${port} on ${ownAddress(bind)} is taken by ${holder}. Choose another: pulumi config set --path gpu-build-host:${key}.port PORT`;
}

/** A volume that the cache shall take over has to be there, and nobody else may write into it meanwhile. */
async function adoptionProblem({ engine, stack }: Settings, volume: string): Promise<string | undefined> {
  const get = <T>(path: string, query = {}) =>
    engineRequest<T>(socketOf(engine.host), { path, query, timeoutMs: 10_000 });
  if (!(await unlessMissing(get(`/volumes/${volume}`))))
    return `The volume ${volume} (registryCache.volume) is not there: see docker volume ls, or remove the setting`;
  const users = await get<{ Names: string[] }[]>("/containers/json", { filters: { volume: [volume] } });
  const other = users.flatMap(({ Names }) => Names).find((name) => name !== `/${cacheName(stack)}`);
  if (!other) return undefined;
  return `The volume ${volume} (registryCache.volume) is in use by the container ${other.slice(1)}: docker stop ${other.slice(1)}`;
}

async function foreignHostsToml(
  { stack, engine, dockerDaemon }: Settings,
  registry: string,
): Promise<string[]> {
  if (dockerDaemon.manage !== "apply") return [];
  const folder = `${CERTS_FOLDER}/${registry}`;
  const files = { "hosts.toml": { text: "" } };
  return foreignFiles({ stack, folder, files, reader: "everyone" }, await engineRoot(engine.host));
}

interface Labelled {
  Labels?: Record<string, string> | null;
}

async function factsOf({ stack, engine }: Settings, { registry }: CacheSettings): Promise<CacheFacts> {
  const name = cacheName(stack, registry);
  const get = <T>(path: string) =>
    unlessMissing(engineRequest<T>(socketOf(engine.host), { path, timeoutMs: 10_000 }));
  const [container, volume] = await Promise.all([
    get<{ State: { Running: boolean }; Config: Labelled }>(`/containers/${name}/json`),
    get<Labelled>(`/volumes/${name}`),
  ]);
  return {
    cachePort: container?.State.Running ? container.Config.Labels?.["gpu-build-host.port"] : undefined,
    volumeStack: volume && (volume.Labels?.["gpu-build-host.stack"] ?? null),
  };
}

/** What a person has to put below certs.d where we may not (`dockerDaemon.manage: print`); nothing for what is there. */
export function certsByHand(settings: Settings): string[] {
  if (settings.dockerDaemon.manage !== "print" || settings.registryCache.mode !== "own") return [];
  return cachesOf(settings).flatMap((cache) => {
    const { registry, tls } = cache;
    if (registry) {
      const file = `${CERTS_FOLDER}/${registry}/hosts.toml`;
      if (existsSync(file) && readFileSync(file, "utf8").includes(`"${cacheUrl(cache)}"`)) return [];
      return [`By hand (manage: print): write into ${file}\n${hostsToml(registry, cacheUrl(cache))}`];
    }
    const file = `${CERTS_FOLDER}/${cacheAddress(cache)}/ca.crt`;
    if (!tls || existsSync(file)) return [];
    const client = tls.clientCa
      ? `, ${tls.clientCertificate} and ${tls.clientKey} to client.cert and client.key`
      : "";
    return [`By hand (manage: print): copy ${tls.ca ?? tls.certificate} to ${file}${client}`];
  });
}
