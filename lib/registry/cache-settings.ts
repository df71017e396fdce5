import { join } from "node:path";
import { cacheProxy, type CacheProxy } from "../proxy/cache-proxy.ts";
import { readProxies } from "../proxy/proxy.ts";
import type { Settings } from "../settings/settings.ts";
import { cacheAddress } from "./cache-address.ts";
import type { RegistryOptions } from "./manifest-digest.ts";
import { tlsFingerprint, type CacheTls } from "./certificate.ts";

type Common = Pick<Settings["registryCache"], "mode" | "ttl" | "memoryMiB" | "keepVolume" | "login">;

/** One pull-through cache of a stack. */
export interface CacheSettings extends Common {
  /** Registry that it is for; none for Docker Hub's. */
  registry?: string;
  upstream: string;
  bind: string;
  port: number;
  metricsPort?: number | undefined;
  volume?: string | undefined;
  tls?: CacheTls | undefined;
}

/** Every cache that a stack uses: Docker Hub's, then those of other registries, which this host alone reaches. */
export function cachesOf({ registryCache }: Settings): [CacheSettings, ...CacheSettings[]] {
  const { registries, ...hub } = registryCache;
  const { mode, ttl, memoryMiB, keepVolume } = hub;
  const others = Object.entries(registries).map(([registry, own]) => ({
    ...{ mode, ttl, memoryMiB, keepVolume, registry, bind: "127.0.0.1" },
    ...own,
    upstream: own.upstream ?? `https://${registry}`,
  }));
  return [hub, ...others];
}

/** Address of the cache of each registry, by the registry's host as references have it, e.g. `{"docker.io": "127.0.0.1:5000"}`. */
export function cacheAddresses(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    cachesOf(settings).map((cache) => [cache.registry ?? "docker.io", cacheAddress(cache)]),
  );
}

/** Where each registry's digests are asked for, with which login, and by which way. */
export function upstreamsOf(
  settings: Settings,
): Required<Pick<RegistryOptions, "mirrors" | "logins" | "proxies">> {
  const caches = cachesOf(settings).map((cache) => ({ ...cache, host: cache.registry ?? "docker.io" }));
  return {
    proxies: readProxies(settings.proxy),
    mirrors: Object.fromEntries(caches.map(({ host, upstream }) => [host, upstream])),
    logins: Object.fromEntries(caches.flatMap(({ host, login }) => (login ? [[host, login]] : []))),
  };
}

/** A cache with what its container needs beside the settings. */
export interface ReadyCache extends CacheSettings {
  /** Changes when the registry has to read the certificates again; empty for another stack's cache. */
  tls?: (CacheTls & { fingerprint: string }) | undefined;
  proxy: CacheProxy | undefined;
}

/** The stack's caches, ready to be declared. Outside of a preview, files with the login of a proxy are written. */
export function readyCaches(settings: Settings, isPreview: boolean): Promise<ReadyCache[]> {
  return Promise.all(
    cachesOf(settings).map(async (cache) => {
      // A folder for each: every cache takes its own file away.
      const folder = join(settings.stateDir, settings.stack, "secrets", cache.registry ?? "docker.io");
      const { mode, tls } = cache;
      return {
        ...cache,
        tls: tls && { ...tls, fingerprint: mode === "own" ? tlsFingerprint(tls) : "" },
        proxy: mode === "own" ? await cacheProxy(settings.proxy, { folder, isPreview }) : undefined,
      };
    }),
  );
}
