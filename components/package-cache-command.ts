import {
  cacheFolder,
  nginxConfig,
  runFolder,
  type PythonCacheConfig,
} from "../lib/package-cache/nginx-config.ts";
import { squidConfig, type DebianCacheConfig } from "../lib/package-cache/squid-config.ts";
import { wheelLimit } from "../lib/package-cache/wheel-limit.ts";
import type { CacheProxy } from "../lib/proxy/cache-proxy.ts";
import { proxyFileInside } from "./registry-cache-command.ts";

/**
 * The shell command of the container that keeps Python packages and wheels. A change of it replaces the container.
 * @param wheelStorage bytes; see {@link wheelLimit}
 * @param fingerprint changes with the certificates: they are read at the start
 */
export function pythonCommand(config: PythonCacheConfig, wheelStorage: number, fingerprint: string): string {
  return `set -eu
# certificates ${fingerprint}
servers=$(awk '/^nameserver/ && $2 !~ /%/ { print ($2 ~ /:/) ? "[" $2 "]" : $2 }' /etc/resolv.conf | paste -sd ' ')
echo "resolver \${servers:-127.0.0.1} valid=60s;" > ${runFolder}/resolver.conf
cat > ${runFolder}/nginx.conf <<'CONFIG'
${nginxConfig(config)}CONFIG
${wheelLimit(wheelStorage)}exec nginx -g 'daemon off;' -c ${runFolder}/nginx.conf
`;
}

/**
 * The shell command of the container that keeps Debian packages.
 * @param proxy the way out, where there is no other; its login is in a file
 */
export function debianCommand(config: DebianCacheConfig, proxy: CacheProxy | undefined): string {
  const proxyLines = proxy === undefined ? "" : "script" in proxy ? proxy.script : `. ${proxyFileInside}\n`;
  return `set -eu
${proxyLines}config=${runFolder}/squid.conf
cat > $config <<'CONFIG'
${squidConfig(config)}CONFIG
if [ -n "\${HTTP_PROXY:-}" ]; then
  place=\${HTTP_PROXY#*://} place=\${place%/} login=
  case $place in *@*) login=" login=\${place%@*}" place=\${place##*@} ;; esac
  case $place in *:*) ;; *) place=$place:80 ;; esac
  echo "cache_peer \${place%:*} parent \${place##*:} 0 no-query no-digest no-netdb-exchange default$login" >> $config
  echo "never_direct allow all" >> $config
fi
squid -N -z -f $config
exec squid -N -f $config
`;
}

/**
 * Healthy: the program answers, and there is room for a file. Neither curl nor wget is in the image, so bash asks.
 * @param kind folder of the volume to write to
 */
export function packageHealthCheck(kind: "python" | "debian", port: number) {
  const answer = kind === "python" ? "package cache" : "[Ss]quid";
  const probe = [
    `echo stored > ${cacheFolder}/.health-${kind}-new`,
    `mv ${cacheFolder}/.health-${kind}-new ${cacheFolder}/.health-${kind}`,
    `exec 3<>/dev/tcp/127.0.0.1/${port}`,
    `printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3`,
    `timeout 3 grep -q '${answer}' <&3`,
  ].join(" && ");
  return {
    tests: ["CMD", "bash", "-c", probe],
    interval: "2s",
    timeout: "5s",
    retries: 3,
    startPeriod: "1m0s",
  };
}
