import { existsSync, readFileSync } from "node:fs";
import { CERTS_FOLDER } from "../daemon/engine-root.ts";
import { cacheAddress, cacheUrl } from "../registry/cache-address.ts";
import { cachesOf } from "../registry/cache-settings.ts";
import { hostsToml } from "../registry/hosts-toml.ts";
import type { Settings } from "../settings/settings.ts";

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
