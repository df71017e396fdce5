import { stringify } from "yaml";

export interface CacheConfig {
  upstream: string;
  port: number;
  metricsPort?: number | undefined;
  ttl: string;
}

const user = "nobody"; // in every image that has busybox or Alpine; the registry's own image runs as root

/**
 * The shell command of the cache's container. It writes the configuration into a tmpfs, so that a change of it
 * replaces the container, hands the volume to its user, and becomes the registry.
 */
export function cacheCommand(config: CacheConfig): string {
  return `set -eu
cat > /run/registry/config.yml <<'CONFIG'
${registryConfig(config)}CONFIG
cat > /run/registry/anonymous <<'HELPER'
#!/bin/sh
cat > /dev/null
echo '{"ServerURL":"${config.upstream}","Username":"","Secret":""}'
HELPER
chmod 755 /run/registry/anonymous
chown -R ${user} /var/lib/registry
exec su -s /bin/sh ${user} -c 'exec /bin/registry serve /run/registry/config.yml'
`;
}

/**
 * Configuration of distribution. `proxy.exec` names a credential helper that answers "nobody": without one the
 * registry asks its upstream when it starts, and dies where that is away.
 */
export function registryConfig(config: CacheConfig): string {
  return stringify({
    version: 0.1,
    log: { accesslog: { disabled: false }, level: "info", formatter: "text" },
    storage: {
      filesystem: { rootdirectory: "/var/lib/registry" },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: true, age: "24h", interval: "1h", dryrun: false } },
    },
    http: {
      addr: `127.0.0.1:${config.port}`,
      ...(config.metricsPort && {
        debug: { addr: `127.0.0.1:${config.metricsPort}`, prometheus: { enabled: true, path: "/metrics" } },
      }),
    },
    proxy: {
      remoteurl: config.upstream,
      ttl: config.ttl,
      exec: { command: "/run/registry/anonymous", lifetime: "1h" },
    },
  });
}

/**
 * The cache is healthy when its user can store a file and the API answers: `/v2/` alone says nothing about the disk. The
 * file is a new one each time: over an old one there is room on a full disk, too.
 */
export function healthCheck(port: number) {
  const probe = [
    "echo stored > /var/lib/registry/.health-new",
    "mv /var/lib/registry/.health-new /var/lib/registry/.health",
    'test "$(cat /var/lib/registry/.health)" = stored',
    `wget -q -O /dev/null http://127.0.0.1:${port}/v2/`,
  ].join(" && ");
  return {
    tests: ["CMD", "su", "-s", "/bin/sh", user, "-c", probe],
    interval: "2s",
    timeout: "5s",
    retries: 3,
    startPeriod: "1m0s",
  };
}
