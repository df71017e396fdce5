/** What the cache of Python packages is told. */
export interface PythonCacheConfig {
  /** Addresses to listen on, e.g. `["127.0.0.1:3141"]`. */
  listen: string[];
  /** Networks that may ask, e.g. `["127.0.0.0/8"]`. */
  allow: string[];
  /** Indexes by http that may be asked; by https any host may: its certificate says who it is. */
  httpIndexes: string[];
  /** Bytes. */
  storage: number;
  /** File with certificates for HTTPS to the upstreams. */
  ca: string;
}

/** Folder of the volume in the containers. */
export const cacheFolder = "/var/cache/package-cache";
/** tmpfs for what programs write while they run. */
export const runFolder = "/run/package-cache";
/** Who may put wheels into the store, in htpasswd's form. */
export const wheelLoginInside = "/run/wheel-store-login";
/** File beside a wheel's checksums, written to at each read of them: when a file was read, many disks do not note. */
export const wheelUsed = "used";

/** Files of an index: they never change under their names. Everything else is a page. */
const files = String.raw`\.(whl|metadata|zip|egg|tgz|tar\.(gz|bz2|xz))$`;

/**
 * Configuration of nginx: `/https/HOST/PATH` is `https://HOST/PATH`, kept on the disk, with the links of index pages led
 * through here, too. Pages are asked for anew after ten minutes, and an old one is served where the upstream is away, fails
 * or is silent: within 7 s, or 13 s if an address led nowhere and a handshake was slow; pip waits 15 s, uv 30 s.
 * `/wheels/` is a store of files: everyone may read, builds with the login may write.
 */
export function nginxConfig(config: PythonCacheConfig): string {
  const { listen, allow, httpIndexes, storage, ca } = config;
  const origins = [...new Set(httpIndexes.map((index) => new URL(index).host))];
  const links = `      sub_filter_types application/vnd.pypi.simple.v1+json application/vnd.pypi.simple.v1+html;
      sub_filter_once off;
      sub_filter 'https://' '$scheme://$http_host/https/';
${origins.map((origin) => `      sub_filter 'http://${origin}/' '$scheme://$http_host/http/${origin}/';\n`).join("")}      sub_filter 'href="/' 'href="/$way/$origin/';
      sub_filter '"url":"/' '"url":"/$way/$origin/';
      sub_filter '"url": "/' '"url": "/$way/$origin/';
`;
  return `pid ${runFolder}/nginx.pid;
error_log /dev/stderr warn;
worker_processes 2;
events {}
http {
  include ${runFolder}/resolver.conf;
  resolver_timeout 3s;
  log_format short '$request_method $request_uri $status $upstream_cache_status $body_bytes_sent';
  log_format stamp '+';
  access_log /dev/stdout short;
  client_body_temp_path ${cacheFolder}/uploads;
${["proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `  ${kind}_temp_path ${runFolder}/${kind};`).join("\n")}
  proxy_cache_path ${cacheFolder}/python levels=1:2 keys_zone=python:16m max_size=${storage} inactive=3650d use_temp_path=off;
  map $request_uri $way { ~^/(?<found>https?)/ $found; }
  # pip writes the colon before a port as %3A.
  map $request_uri $origin {
    ~^/https?/(?<named>[^/?%]+)%3[Aa](?<at>[0-9]+)/ $named:$at;
    ~^/https?/(?<found>[^/?]+) $found;
  }
  map $request_uri $wanted { ~^/https?/[^/?]+(?<found>/.*)$ $found; default /; }
  map $way/$origin $refused {
    default 1;
    ~^https/[a-z0-9.-]+(:[0-9]+)?$ 0;
${origins.map((origin) => `    http/${origin} 0;\n`).join("")}  }
  # An answer that ends where the connection ends may be a part of it.
  map "$upstream_http_content_length$upstream_http_transfer_encoding" $endless { default 0; "" 1; }
  map $uri $kept { ~^(?<place>/wheels/.+)/SHA256SUMS$ $place; }
  map "$request_method$status$kept" $used { ~^GET200/ 1; default 0; }
  server {
${listen.map((address) => `    listen ${address};`).join("\n")}
${allow.map((network) => `    allow ${network};`).join("\n")}
    deny all;
    absolute_redirect off;
    default_type application/octet-stream;
    location = /health { access_log off; return 200 "package cache\\n"; }
    location /wheels/ {
      root ${cacheFolder};
      client_max_body_size 0;
      dav_methods PUT;
      create_full_put_path on;
      limit_except GET { auth_basic wheels; auth_basic_user_file ${wheelLoginInside}; }
      access_log /dev/stdout short;
      access_log ${cacheFolder}$kept/${wheelUsed} stamp if=$used;
    }
    location / { return 404; }
    # The first that fits counts, so files stand before pages.
    location ~ ^/https?/.*${files} {
      if ($refused) { return 403; }
      proxy_pass $way://$origin$wanted;
      proxy_cache_valid 200 3650d;
      proxy_cache_key "$way://$origin$wanted";
      proxy_force_ranges on;
      proxy_read_timeout 30s;
    }
    location ~ ^/https?/ {
      if ($refused) { return 403; }
      proxy_pass $way://$origin$wanted;
      proxy_cache_valid 200 10m;
      proxy_cache_valid 301 302 308 10m;
      proxy_cache_revalidate on;
      proxy_read_timeout 7s;
      proxy_cache_lock_timeout 6s;
      error_page 502 504 = @stale;
${links}    }
    # Only nginx's own error leads here, e.g. a name that nobody resolves: for that it looks for no old answer by itself.
    location @stale {
      proxy_pass http://unix:${runFolder}/nobody:$wanted;
      proxy_cache_lock off;
${links}    }
    proxy_cache python;
    proxy_cache_key "$way://$origin$wanted $http_accept";
    # Neither "updating" nor proxy_cache_background_update: a page of last week lacks what a new lock names.
    proxy_cache_use_stale error timeout invalid_header http_429 http_500 http_502 http_503 http_504;
    proxy_cache_lock on;
    proxy_cache_lock_age 10m;
    proxy_cache_lock_timeout 10s;
    proxy_ignore_headers Cache-Control Expires Set-Cookie;
    proxy_hide_header Set-Cookie;
    # What needs a login is nobody else's.
    proxy_cache_bypass $http_authorization;
    proxy_no_cache $http_authorization $endless;
    proxy_connect_timeout 3s;
    # By time, not by number: without IPv6 its addresses fail at once, and count as tries.
    proxy_next_upstream_timeout 5s;
    proxy_http_version 1.1;
    proxy_set_header Host $proxy_host;
    proxy_set_header Connection "";
    proxy_set_header Accept-Encoding "";
    proxy_redirect ~^(https?)://([^/]+)(/.*)$ /$1/$2$3;
    proxy_redirect ~^(/.*)$ /$way/$origin$1;
    proxy_ssl_server_name on;
    proxy_ssl_verify on;
    proxy_ssl_verify_depth 5;
    proxy_ssl_trusted_certificate ${ca};
  }
}
`;
}
