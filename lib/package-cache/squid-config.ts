import { isIP } from "node:net";
import { cacheFolder, runFolder } from "./nginx-config.ts";

/** What the cache of Debian packages is told. */
export interface DebianCacheConfig {
  /** Addresses to listen on, e.g. `["127.0.0.1:3142"]`. */
  listen: string[];
  /** Networks that may ask, e.g. `["127.0.0.0/8"]`. */
  allow: string[];
  /** Bytes. */
  storage: number;
  /** Hosts that are reached without the proxy above it: names, endings, addresses, networks, `*`. */
  direct: string[];
}

/**
 * Configuration of Squid: a forward proxy that keeps Debian packages and passes everything else on, tunnels included: some
 * programs take http_proxy for https, too. Packages never change under their names; indexes are asked for anew after ten
 * minutes, and old ones are served where the archive is away, fails or is silent for 25 s.
 */
export function squidConfig({ listen, allow, storage, direct }: DebianCacheConfig): string {
  const isNetwork = (entry: string) => entry.includes("/") || isIP(entry) !== 0;
  const hosts = direct.map((entry) =>
    entry.replace(/^\[([^\]]*)\](:\d+)?$/, "$1").replace(/^([^:]+):\d+$/, "$1"),
  );
  const networks = hosts.filter(isNetwork);
  const names = hosts.filter((entry) => !isNetwork(entry) && /^[\w.*-]*\w$/.test(entry));
  const inside = [
    ...(hosts.includes("*") ? ["always_direct allow all\n"] : []),
    ...names.map((entry) => `acl inside dstdomain .${entry.replace(/^\*?\./, "")}\n`),
    ...networks.map((entry) => `acl inside_networks dst ${entry}\n`),
    ...(names.length > 0 ? ["always_direct allow inside\n"] : []),
    ...(networks.length > 0 ? ["always_direct allow inside_networks\n"] : []),
  ];
  return `${listen.map((address) => `http_port ${address}`).join("\n")}
acl ours src ${allow.join(" ")}
http_access deny to_localhost
http_access allow ours
http_access deny all
icp_port 0
visible_hostname package-cache
via off
forwarded_for delete
pid_filename none
cache_log /dev/null
acl health urlpath_regex ^/health$
access_log stdio:/dev/stdout !health
logfile_rotate 0
coredump_dir ${runFolder}
netdb_filename none
pinger_enable off
max_filedescriptors 4096
shutdown_lifetime 1 seconds
connect_timeout 5 seconds
peer_connect_timeout 5 seconds
forward_timeout 20 seconds
# Before apt gives up (30 s), so that it gets the old index; after forward_timeout, so that nothing is tried once more.
read_timeout 25 seconds
cache_mem 16 MB
maximum_object_size_in_memory 64 KB
maximum_object_size 4 GB
cache_dir aufs ${cacheFolder}/debian ${Math.floor(storage / 1_048_576)} 16 64
quick_abort_min -1 KB
collapsed_forwarding on
negative_ttl 0 seconds
max_stale 10 years
acl packages urlpath_regex \\.u?deb$
acl indexes urlpath_regex /dists/ /by-hash/ /(InRelease|Release(\\.gpg)?|Packages(\\.[a-z0-9]+)?)$
cache allow packages
cache allow indexes
cache deny all
# An answer that ends where the connection ends may be a part of it.
acl with_length rep_header Content-Length .
acl in_chunks rep_header Transfer-Encoding .
store_miss deny !with_length !in_chunks
${inside.join("")}refresh_pattern \\.u?deb$ 5256000 100% 5256000 override-expire override-lastmod ignore-reload ignore-no-store ignore-private
refresh_pattern /by-hash/ 5256000 100% 5256000 override-expire override-lastmod ignore-reload ignore-no-store ignore-private
refresh_pattern . 10 0% 10 override-expire override-lastmod ignore-reload ignore-no-store ignore-private
`;
}
