import type { BadSetting } from "./bad-settings.ts";

/** Wrong settings of the registry cache. */
export const badCacheSettings: BadSetting[] = [
  {
    id: "B7",
    what: "a port that needs privileges",
    values: { registryCache: { port: 443 } },
    lines: [
      "gpu-build-host:registryCache.port 443 is below 1024: such ports need privileges that the cache does not have; choose 1024 or above",
    ],
  },
  {
    id: "B10",
    what: "a name instead of an address",
    values: { registryCache: { bind: "localhost" } },
    lines: [
      'gpu-build-host:registryCache.bind must be an IP address such as 127.0.0.1 (IPv6 without brackets and zone), got "localhost"',
    ],
  },
  {
    id: "B11",
    what: "a cache on the network without TLS",
    values: { registryCache: { bind: "0.0.0.0" } },
    lines: [
      "gpu-build-host:registryCache.bind 0.0.0.0 exposes the cache to the network; set registryCache.tls or use 127.0.0.1",
    ],
  },
  {
    id: "B12",
    what: "private images for everybody",
    values: {
      registryCache: {
        bind: "192.0.2.7",
        tls: { certificate: "/c.pem", key: "/k.pem" },
        login: { username: "me", password: { env: "X" } },
      },
    },
    lines: [
      "gpu-build-host:registryCache.login would let anyone who reaches 192.0.2.7 pull your private images; add registryCache.tls.clientCa",
    ],
  },
  {
    id: "B13",
    what: "an upstream without its scheme",
    values: { registryCache: { upstream: "docker.io" } },
    lines: [
      'gpu-build-host:registryCache.upstream must be a URL with its scheme, for Docker Hub: https://registry-1.docker.io, got "docker.io"',
    ],
  },
  {
    id: "B14",
    what: "an upstream by FTP",
    values: { registryCache: { upstream: "ftp://x" } },
    lines: ['gpu-build-host:registryCache.upstream must be https or http, not "ftp", got "ftp://x"'],
  },
  {
    id: "B15",
    what: "a login in the upstream, without showing it",
    values: { registryCache: { upstream: "https://user:pw@host" } },
    lines: [
      "gpu-build-host:registryCache.upstream must hold no login: registryCache.login takes one, got a value that is not shown",
    ],
  },
  {
    id: "B16",
    what: "an upstream with a path and a query",
    values: { registryCache: { upstream: "https://host/path?x=1" } },
    lines: [
      'gpu-build-host:registryCache.upstream must be scheme, host and port only, got "https://host/path?x=1"',
    ],
  },
  {
    id: "B39",
    what: "a password in the settings, without showing it",
    values: { registryCache: { login: { username: "me", password: "hunter2" } } },
    lines: [
      'gpu-build-host:registryCache.login.password must be {file: "/path"} or {env: "NAME"}: the password itself never stands in a setting, got a value that is not shown',
    ],
  },
  {
    id: "B40",
    what: "a user name without a password",
    values: { registryCache: { login: { username: "me" } } },
    lines: [
      'gpu-build-host:registryCache.login.password is required: it must be {file: "/path"} or {env: "NAME"}: a user name alone is no login',
    ],
  },
  {
    id: "B41",
    what: "an empty password in the settings",
    values: { registryCache: { login: { username: "me", password: "" } } },
    lines: [
      'gpu-build-host:registryCache.login.password must be {file: "/path"} or {env: "NAME"}: the password itself never stands in a setting, got a value that is not shown',
    ],
  },
  {
    id: "B41",
    what: "an empty password in a file or variable",
    testedBy: "refuses what cannot be a password, without showing it",
  },
  {
    id: "B42",
    what: "a password that ends in line breaks",
    testedBy: "refuses what cannot be a password, without showing it",
  },
];
