import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheProxy } from "../../lib/proxy/cache-proxy.ts";
import { isProxyUrl, proxyFor, proxyProblems, proxyVariables, readProxies } from "../../lib/proxy/proxy.ts";
import { startRelay } from "../../lib/proxy/relay.ts";
import { fetchManifestDigest } from "../../lib/registry/manifest-digest.ts";
import { startTestProxy } from "./test-proxy.ts";

describe("proxies", () => {
  it("are given to programs in both spellings, and take away what is not set", () => {
    const proxies = readProxies({ https: "http://proxy.test:3128", noProxy: [".corp.test"] });
    const { no_proxy, ...others } = proxyVariables(proxies);
    assert.equal(no_proxy, "127.0.0.1,localhost,::1,.corp.test");
    assert.deepEqual(others, {
      http_proxy: undefined,
      HTTP_PROXY: undefined,
      https_proxy: "http://proxy.test:3128",
      HTTPS_PROXY: "http://proxy.test:3128",
      NO_PROXY: no_proxy,
      all_proxy: undefined,
      ALL_PROXY: undefined,
    });
  });

  it("never stand between us and this machine, or what noProxy names", () => {
    const proxies = readProxies({
      http: "http://p.test:1",
      https: "http://p.test:2",
      noProxy: [".corp.test", "10.0.0.0/8", "fd00::/8", "one.test"],
    });
    const straight = [
      "http://127.0.0.1:5000/v2/",
      "http://localhost/",
      "http://[::1]:80/",
      "https://a.corp.test/",
      "https://corp.test/",
      "https://10.1.2.3/",
      "https://[fd00::1]/",
      "https://one.test/",
      "https://sub.one.test/",
    ];
    const through = [
      "https://corp.test.evil/",
      "https://notone.test/",
      "https://11.1.2.3/",
      "https://xcorp.test/",
    ];
    for (const url of straight) assert.equal(proxyFor(new URL(url), proxies), undefined, url);
    for (const url of through) assert.equal(proxyFor(new URL(url), proxies), "http://p.test:2", url);
    assert.equal(proxyFor(new URL("http://x.test/"), proxies), "http://p.test:1");
    assert.equal(
      proxyFor(new URL("http://x.test/"), readProxies({ http: "http://p.test:1", noProxy: ["*"] })),
      undefined,
    );
  });

  it("are refused with the key and without the value where a login cannot be had", () => {
    const settings = { http: { env: "P1" }, https: { env: "P2" }, noProxy: [] };
    assert.deepEqual(proxyProblems(settings, { P2: "proxy.test:3128 hunter2" }), [
      "gpu-build-host:proxy.http comes from the variable P1, which is not set; export P1=… and run again",
      'gpu-build-host:proxy.https comes from the variable P2, whose value is no URL such as "http://user:password@proxy.example:3128"',
    ]);
    assert.deepEqual(
      proxyProblems({ ...settings, http: "http://p.test" }, { P2: "http://u:p@proxy.test:1" }),
      [],
    );
  });

  it("are URLs of a host and a port, and nothing behind", () => {
    for (const url of ["http://p.test", "https://p.test:3128", "http://u:p@[::1]:8/"])
      assert.ok(isProxyUrl(url), url);
    for (const url of [
      "p.test:3128",
      "socks5://p.test",
      "http://p.test/x",
      "http://p.test?x",
      "http://p .test",
      "",
    ])
      assert.ok(!isProxyUrl(url), url);
  });
});

describe("the relay of a build", () => {
  let web: Server;
  let port: number;
  before(async () => {
    web = createServer((_, answer) => answer.end("fetched"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    port = (web.address() as AddressInfo).port;
  });
  after(() => web.close());

  it("hands http and tunnels on with the login of the real proxy, and none of them without its own", async () => {
    const proxy = await startTestProxy({ login: "me:s3cret p", hosts: { "web.test": port } });
    const real = `http://me:${encodeURIComponent("s3cret p")}@127.0.0.1:${proxy.port}`;
    const relay = await startRelay({ http: real, https: real, noProxy: [] }, "127.0.0.1");
    try {
      assert.ok(!relay.url.includes("s3cret"));
      assert.deepEqual(await plain(relay.url), { status: 200, body: "fetched" });
      assert.match(await tunnelled(relay.url), /^HTTP\/1\.1 200 Connection established[\s\S]*fetched/);
      assert.equal(proxy.refused, 0);
      const stranger = relay.url.replace(/\/\/.*@/, "//build:guess@");
      assert.equal((await plain(stranger)).status, 407);
      assert.match(await tunnelled(stranger), /^HTTP\/1\.1 407/);
      assert.deepEqual(proxy.requests, ["GET http://web.test/", "CONNECT web.test:443"]);
    } finally {
      await relay.close();
      await proxy.stop();
    }
  });

  it("passes on what the real proxy refuses, and says so when there is none", async () => {
    const proxy = await startTestProxy({ login: "other:login" });
    const real = `http://me:wrong@127.0.0.1:${proxy.port}`;
    const relay = await startRelay({ http: real, https: real, noProxy: [] }, "127.0.0.1");
    try {
      assert.equal((await plain(relay.url)).status, 407);
      assert.match(await tunnelled(relay.url), /^HTTP\/1\.1 407/);
      await proxy.stop();
      const { status, body } = await plain(relay.url);
      assert.equal(status, 502);
      assert.match(body, /the proxy 127\.0\.0\.1 does not answer \(ECONNREFUSED\)/);
      assert.equal(await tunnelled(relay.url), "");
    } finally {
      await relay.close();
    }
  });

  function plain(proxy: string): Promise<{ status: number; body: string }> {
    const { hostname, port, username, password } = new URL(proxy);
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    return new Promise((resolve, reject) => {
      const headers = { host: "web.test", "proxy-authorization": authorization };
      request({ host: hostname, port, path: "http://web.test/", headers, agent: false }, (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      })
        .on("error", reject)
        .end();
    });
  }

  function tunnelled(proxy: string): Promise<string> {
    const { hostname, port, username, password } = new URL(proxy);
    return new Promise((resolve) => {
      let text = "";
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `CONNECT web.test:443 HTTP/1.1\r\nHost: web.test:443\r\nProxy-Authorization: Basic ${Buffer.from(`${username}:${password}`).toString("base64")}\r\n\r\n` +
            "GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n",
        ),
      );
      socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      socket.on("error", () => {});
      socket.on("close", () => resolve(text));
    });
  }
});

describe("the digest of an image", () => {
  it("is asked through the proxy with its login, and of a registry on this machine without it", async () => {
    const digest = `sha256:${"1".repeat(64)}`;
    const registry = createServer((_, answer) => answer.setHeader("docker-content-digest", digest).end());
    await new Promise<void>((resolve) => registry.listen(0, "127.0.0.1", resolve));
    const { port } = registry.address() as AddressInfo;
    const proxy = await startTestProxy({ login: "me:pw", hosts: { "upstream.test": port } });
    const proxies = { http: `http://me:pw@127.0.0.1:${proxy.port}`, noProxy: ["127.0.0.1"] };
    try {
      const through = { mirrors: { "docker.io": "http://upstream.test" }, proxies };
      assert.equal(await fetchManifestDigest("busybox:1", through), digest);
      assert.deepEqual([proxy.requests.length, proxy.refused], [1, 0]);
      assert.equal(await fetchManifestDigest(`127.0.0.1:${port}/busybox:1`, { proxies }), digest);
      assert.equal(proxy.requests.length, 1);
    } finally {
      await proxy.stop();
      registry.close();
    }
  });
});

describe("the proxies of the cache", () => {
  const folder = mkdtempSync(join(tmpdir(), "gbh-cache-proxy-"));
  const password = join(folder, "proxy-url");
  const secrets = join(folder, "state", "dev", "secrets");
  const options = { folder: secrets, isPreview: false };
  after(() => rmSync(folder, { recursive: true }));

  it("stand in its command where they hold no login", async () => {
    const found = await cacheProxy({ http: "http://p.test:1", noProxy: ["it's"] }, options);
    assert.deepEqual(found, {
      script: "export HTTP_PROXY='http://p.test:1'\nexport NO_PROXY='127.0.0.1,localhost,::1,it'\\''s'\n",
    });
    assert.equal(await cacheProxy({ noProxy: [] }, options), undefined);
  });

  it("stand in a file in a closed folder where they do; another login is another file, the same is the same", async () => {
    const settings = { https: { file: password }, noProxy: [] };
    const fileOf = async (url: string, isPreview = false): Promise<string> => {
      writeFileSync(password, `${url}\n`);
      const found = await cacheProxy(settings, { ...options, isPreview });
      assert.ok(found && "file" in found);
      return found.file;
    };
    const planned = await fileOf("http://u:one@p.test", true);
    assert.ok(!statSync(planned, { throwIfNoEntry: false }), "a preview writes nothing");
    const first = await fileOf("http://u:one@p.test");
    assert.equal(await fileOf("http://u:one@p.test"), first);
    assert.equal(await fileOf("http://u:one@p.test", true), first);
    assert.notEqual(await fileOf("http://u:two@p.test"), first);
    assert.equal(statSync(secrets).mode & 0o777, 0o700);
    assert.equal(statSync(first).mode & 0o222, 0);
  });
});
