import assert from "node:assert/strict";
import { cachesOf } from "../../lib/registry/cache-settings.ts";
import { cacheUrl } from "../../lib/registry/cache-address.ts";
import { devSettings, settingProblems } from "./dev-settings.ts";

const parse = (registryCache: unknown) => devSettings({ registryCache });
const problems = (registryCache: unknown) => settingProblems({ registryCache });

const key = "gpu-build-host:registryCache";
const tls = { certificate: "/c.pem", key: "/k.pem" };
const login = { username: "me", password: { env: "HUB_TOKEN" } };
const lan = { bind: "192.0.2.7", tls };

describe("settings registryCache", () => {
  it("are one cache on loopback, with a limit, unless told otherwise", () => {
    const [cache, ...others] = cachesOf(parse({}));
    assert.deepEqual(others, []);
    assert.deepEqual(
      [cacheUrl(cache), cache.memoryMiB, cache.login],
      ["http://127.0.0.1:5000", 512, undefined],
    );
  });

  it("are a further cache for each registry, on loopback whatever the first one does", () => {
    const registries = {
      "nvcr.io": { port: 5001, login },
      "quay.io": { port: 5002, upstream: "http://q:80" },
    };
    const caches = cachesOf(parse({ ...lan, registries }));
    assert.deepEqual(
      caches.map((cache) => [cache.registry, cacheUrl(cache), cache.upstream, cache.login]),
      [
        [undefined, "https://192.0.2.7:5000", "https://registry-1.docker.io", undefined],
        ["nvcr.io", "http://127.0.0.1:5001", "https://nvcr.io", login],
        ["quay.io", "http://127.0.0.1:5002", "http://q:80", undefined],
      ],
    );
  });

  it("name the address under which this host reaches the cache", () => {
    const url = (bind: string) => cacheUrl(cachesOf(parse({ bind, tls }))[0]);
    assert.equal(url("0.0.0.0"), "https://127.0.0.1:5000");
    assert.equal(url("::"), "https://[::1]:5000");
    assert.equal(url("fd00::2"), "https://[fd00::2]:5000");
    assert.equal(url("127.0.0.5"), "https://127.0.0.5:5000");
  });

  const wrong: [string, unknown, string[]][] = [
    [
      "a bind address by name",
      { bind: "localhost" },
      [
        `${key}.bind must be an IP address such as 127.0.0.1 (IPv6 without brackets and zone), got "localhost"`,
      ],
    ],
    [
      "an IPv6 address in brackets",
      { bind: "[::1]" },
      [`${key}.bind must be an IP address such as 127.0.0.1 (IPv6 without brackets and zone), got "[::1]"`],
    ],
    ...["0.0.0.0", "::", "192.0.2.7", "::ffff:127.0.0.1"].map((bind): [string, unknown, string[]] => [
      `${bind} without TLS`,
      { bind },
      [`${key}.bind ${bind} exposes the cache to the network; set registryCache.tls or use 127.0.0.1`],
    ]),
    [
      "a size that is none",
      { maxSize: "100 gigs" },
      [`${key}.maxSize must be a size such as "100GB" or "500MiB", got "100 gigs"`],
    ],
    [
      "a size of a cache that is another stack's",
      { mode: "external", maxSize: "100GB" },
      [`${key}.maxSize has no meaning with mode external: the volume belongs to the cache's owner`],
    ],
    [
      "a login that the whole network could use",
      { ...lan, login },
      [
        `${key}.login would let anyone who reaches 192.0.2.7 pull your private images; add registryCache.tls.clientCa`,
      ],
    ],
    [
      "a CA of clients without a certificate for this host",
      { ...lan, tls: { ...tls, clientCa: "/ca.pem" } },
      [
        `${key}.tls.clientCa, clientCertificate and clientKey belong together: with clientCa this host's own engine must show a certificate, too`,
      ],
    ],
    [
      "a relative path",
      { tls: { ...tls, key: "k.pem" } },
      [`${key}.tls.key must be an absolute path, got "k.pem"`],
    ],
    [
      "an upstream without scheme",
      { upstream: "docker.io" },
      [
        `${key}.upstream must be a URL with its scheme, for Docker Hub: https://registry-1.docker.io, got "docker.io"`,
      ],
    ],
    [
      "an upstream of another scheme",
      { upstream: "ftp://x" },
      [`${key}.upstream must be https or http, not "ftp", got "ftp://x"`],
    ],
    [
      "an upstream with a login, without showing it",
      { upstream: "https://user:pw@host" },
      [`${key}.upstream must hold no login: registryCache.login takes one, got a value that is not shown`],
    ],
    [
      "an upstream with path and query",
      { upstream: "https://host/path?x=1" },
      [`${key}.upstream must be scheme, host and port only, got "https://host/path?x=1"`],
    ],
    [
      "a port below 1024",
      { port: 443 },
      [
        `${key}.port 443 is below 1024: such ports need privileges that the cache does not have; choose 1024 or above`,
      ],
    ],
    [
      "a password in the settings, without showing it",
      { login: { username: "me", password: "hunter2" } },
      [
        `${key}.login.password must be {file: "/path"} or {env: "NAME"}: the password itself never stands in a setting, got a value that is not shown`,
      ],
    ],
    [
      "a user name alone",
      { login: { username: "me" } },
      [
        `${key}.login.password is required: it must be {file: "/path"} or {env: "NAME"}: a user name alone is no login`,
      ],
    ],
    [
      "a login as one text, without showing it",
      { login: "me:hunter2" },
      [`${key}.login must be {username: "me", password: {file: "/path"}}, got a value that is not shown`],
    ],
    [
      "two caches on one port",
      { registries: { "nvcr.io": { port: 5001 }, "ghcr.io": { port: 5001 }, "quay.io": { port: 5000 } } },
      [
        `${key}.registries.ghcr.io.port must differ from registryCache.registries.nvcr.io.port, got 5001 for both`,
        `${key}.registries.quay.io.port must differ from registryCache.port, got 5000 for both`,
      ],
    ],
    ...["docker.io", "nvcr", "NVCR.io", "../etc", "nvcr.io/x", "127.0.0.1"].map(
      (name): [string, unknown, string[]] => [
        `${name} as a further registry`,
        { registries: { [name]: { port: 5001 } } },
        [
          `${key}.registries${/^[A-Za-z_][\w-]*$/.test(name) ? `.${name}` : `["${name}"]`} must be the host of a registry such as "nvcr.io"; Docker Hub's cache is registryCache itself`,
        ],
      ],
    ),
    [
      "what belongs to the owner of an external cache",
      { mode: "external", login, keepVolume: true, registries: { "nvcr.io": { port: 5001 } } },
      [
        `${key}.keepVolume has no meaning with mode external: the volume belongs to the cache's owner`,
        `${key}.login belongs into the stack that runs the cache (mode own)`,
        `${key}.registries belongs into the stack that runs the cache (mode own)`,
      ],
    ],
  ];
  for (const [what, value, lines] of wrong) {
    it(`refuse ${what}`, () => assert.deepEqual(problems(value), lines));
  }

  it("answer about a registry's name of a million letters", () => {
    assert.equal(problems({ registries: { [`${"a.".repeat(500_000)}!`]: { port: 5001 } } }).length, 1);
  });
});
