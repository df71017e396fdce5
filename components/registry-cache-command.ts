import { stringify } from "yaml";
import { cacheAddress, hostAndPort } from "../lib/registry/cache-address.ts";
import type { CacheProxy } from "../lib/proxy/cache-proxy.ts";

/** Where the container finds the file with its proxies. */
export const proxyFileInside = "/etc/registry-proxy";

export interface CacheConfig {
  upstream: string;
  /** IP address to listen on. */
  bind: string;
  port: number;
  metricsPort?: number | undefined;
  ttl: string;
  /** HTTPS, with the files of {@link secretsFolder}; `fingerprint` changes when the registry has to read them again. */
  tls?: { fingerprint: string; clientCa: boolean } | undefined;
  /** The upstream wants a login: it lies in {@link secretsFolder}. */
  hasLogin?: boolean | undefined;
  /** How it reaches its upstream, see `CacheProxy`. @default without a proxy */
  proxy?: CacheProxy | undefined;
}

/** Who the registry runs as. */
export const user = "nobody"; // in every image that has busybox or Alpine; the registry's own image runs as root

/** Where the container finds the files that only its user may read; they come from a folder of the host. */
export const secretsFolder = "/run/secrets/registry-cache";

/** Names of the files in {@link secretsFolder}. */
export const secretFiles = {
  certificate: "certificate.pem",
  key: "key.pem",
  clientCa: "client-ca.pem",
  login: "login.json",
} as const;

/**
 * The shell command of the cache's container. It writes the configuration into a tmpfs, so that a change of it
 * replaces the container, hands the volume to its user, and becomes the registry.
 */
export function cacheCommand(config: CacheConfig): string {
  const answer = config.hasLogin
    ? `cat ${secretsFolder}/${secretFiles.login}` // read at each login: a new password needs no restart
    : `echo '{"ServerURL":"${config.upstream}","Username":"","Secret":""}'`;
  const { proxy } = config;
  const proxyLines = proxy === undefined ? "" : "script" in proxy ? proxy.script : `. ${proxyFileInside}\n`;
  return `set -eu
${proxyLines}${config.tls ? `# certificate ${config.tls.fingerprint}\n` : ""}cat > /run/registry/config.yml <<'CONFIG'
${registryConfig(config)}CONFIG
cat > /run/registry/login <<'HELPER'
#!/bin/sh
cat > /dev/null
${answer}
HELPER
chmod 755 /run/registry/login
chown -R ${user} /var/lib/registry
exec su -s /bin/sh ${user} -c 'exec /bin/registry serve /run/registry/config.yml'
`;
}

/**
 * Configuration of distribution. `proxy.exec` names a credential helper, which answers "nobody" where there is no login:
 * without one the registry asks its upstream when it starts, and dies where that is away.
 */
export function registryConfig(config: CacheConfig): string {
  return stringify({
    version: 0.1,
    // The access log tells what is used. At level info each request is logged twice more, the health check's too.
    log: { accesslog: { disabled: false }, level: "warn", formatter: "text" },
    storage: {
      filesystem: { rootdirectory: "/var/lib/registry" },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: true, age: "24h", interval: "1h", dryrun: false } },
    },
    http: {
      addr: hostAndPort(config.bind, config.port),
      ...(config.tls && {
        tls: {
          certificate: `${secretsFolder}/${secretFiles.certificate}`,
          key: `${secretsFolder}/${secretFiles.key}`,
          ...(config.tls.clientCa && { clientcas: [`${secretsFolder}/${secretFiles.clientCa}`] }),
        },
      }),
      ...(config.metricsPort && {
        debug: { addr: `127.0.0.1:${config.metricsPort}`, prometheus: { enabled: true, path: "/metrics" } },
      }),
    },
    proxy: {
      remoteurl: config.upstream,
      ttl: config.ttl,
      exec: { command: "/run/registry/login", lifetime: config.hasLogin ? "0s" : "1h" },
    },
  });
}

/**
 * The cache is healthy when its user can store a file and the API answers: `/v2/` alone says nothing about the disk. The
 * file is a new one each time: over an old one there is room on a full disk, too.
 * busybox has no client certificate to show, so a server with TLS is asked without TLS: Go then answers 400 by itself.
 */
export function healthCheck(config: Pick<CacheConfig, "bind" | "port" | "tls">) {
  const url = `http://${cacheAddress(config)}/v2/`;
  const probe = [
    "echo stored > /var/lib/registry/.health-new",
    "mv /var/lib/registry/.health-new /var/lib/registry/.health",
    'test "$(cat /var/lib/registry/.health)" = stored',
    config.tls
      ? `wget -q -O /dev/null ${url} 2>&1 | grep -q "400 Bad Request"`
      : `wget -q -O /dev/null ${url}`,
  ].join(" && ");
  return {
    tests: ["CMD", "su", "-s", "/bin/sh", user, "-c", probe],
    interval: "2s",
    timeout: "5s",
    retries: 3,
    startPeriod: "1m0s",
  };
}
