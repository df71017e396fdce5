import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from "node:net";
import { judgeProxy, judgeUpstream } from "../../lib/doctor/checks/net.ts";
import { judgeClock } from "../../lib/doctor/checks/time.ts";
import { readFacts } from "../../lib/doctor/read-facts.ts";
import { askUpstream } from "../../lib/doctor/upstream-answer.ts";
import { startTestProxy } from "../proxy/test-proxy.ts";
import { check, factsOf, settingsOf } from "./fed-facts.ts";

const servers: Server[] = [];
function closeServers(): void {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
}

/** A registry that answers as the test wants. */
async function serve(listener: RequestListener): Promise<{ url: string; port: number; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, server };
}

/** What the doctor says of an upstream that answers so. */
async function upstreamOf(listener: RequestListener, missing: object[] = [{}]) {
  const { url, server } = await serve(listener);
  const facts = factsOf({
    settings: settingsOf({ registryCache: { upstream: url } }),
    upstream: () => askUpstream(url, { timeoutMs: 500 }),
    missingImages: async () => missing as never,
  });
  const result = await check("net.upstream", facts);
  server.closeAllConnections();
  server.close();
  return result;
}

describe("Doctor: net.upstream", () => {
  afterEach(closeServers);

  const registry =
    (status: number): RequestListener =>
    (_, answer) => {
      answer.writeHead(status, {
        "docker-distribution-api-version": "registry/2.0",
        "content-type": "application/json",
      });
      answer.end("{}");
    };

  it("takes 200 and 401 for good", async () => {
    for (const status of [200, 401])
      assert.equal((await upstreamOf(registry(status))).status, "OK", String(status));
  });

  const faults: [name: string, listener: RequestListener, line: RegExp, fix: RegExp][] = [
    ["answers 500", registry(500), /answers 500/, /status page/],
    ["answers 429", registry(429), /answers 429/, /limit is reached/],
    [
      "is a proxy's page",
      (_, answer) => {
        answer.writeHead(200, { "content-type": "text/html" });
        answer.end("<html>log in</html>");
      },
      /something else than a registry/,
      /proxy/,
    ],
    ["says nothing", () => {}, /no answer in 0\.5 s/, /curl -v/],
    ["hangs up", (request) => request.socket.destroy(), /cannot be reached/, /curl -v/],
  ];
  for (const [name, listener, line, fix] of faults)
    it(`is FAIL where it ${name}, WARN where everything is there already`, async () => {
      const result = await upstreamOf(listener);
      assert.equal(result.status, "FAIL");
      assert.match(result.line, line);
      assert.match(result.fix!, fix);
      const idle = await upstreamOf(listener, []);
      assert.equal(idle.status, "WARN");
      assert.match(idle.line, /can still be pulled/);
    });

  it("names the clock where a certificate looks out of date, a CA where its issuer is unknown", () => {
    const fixOf = (code: string) => judgeUpstream({ code, words: code }, "https://registry").fix!;
    assert.match(fixOf("CERT_NOT_YET_VALID"), /clock/);
    assert.match(fixOf("SELF_SIGNED_CERT_IN_CHAIN"), /SSL_CERT_FILE/);
    assert.match(fixOf("ENOTFOUND"), /net\.dns/);
  });

  it("asks by the way that the setting proxy gives, and names it where that is the fault", async () => {
    const { port } = await serve(registry(401));
    const proxy = await startTestProxy({ login: "me:word", hosts: { "upstream.test": port } });
    try {
      const look = (login: string) => {
        const settings = settingsOf({
          proxy: { http: { env: "TEST_PROXY" } },
          registryCache: { upstream: "http://upstream.test" },
        });
        const env = { TEST_PROXY: `http://${login}@127.0.0.1:${proxy.port}` };
        const { upstream } = readFacts(settings, { env });
        return check(
          "net.upstream",
          factsOf({ settings, upstream, missingImages: async () => [{}] as never }),
        );
      };
      assert.equal((await look("me:word")).line, "http://upstream.test answers 401");
      const refused = await look("me:other");
      assert.equal(refused.status, "FAIL");
      assert.match(refused.line, /^http:\/\/upstream\.test cannot be reached through the proxy: /);
      assert.match(refused.fix!, /the setting proxy/);
      assert.doesNotMatch(JSON.stringify(refused), /other/);
    } finally {
      await proxy.stop();
    }
  });

  it("looks at the upstream of each cache, and names the one that does not answer", async () => {
    const { url } = await serve(registry(401));
    const { url: broken } = await serve(registry(500));
    const registries = {
      "nvcr.io": { port: 5001, upstream: broken },
      "ghcr.io": { port: 5002, upstream: url },
    };
    const settings = settingsOf({ registryCache: { upstream: url, registries } });
    const result = await check(
      "net.upstream",
      factsOf({ settings, upstream: askUpstream, missingImages: async () => [{}] as never }),
    );
    assert.equal(result.status, "FAIL");
    assert.equal(result.line, `${broken} answers 500`);
  });

  it("is WARN where the answer is slow", () => {
    const answer = { status: 200, seconds: 4.2, isRegistry: true, contentType: "" };
    assert.match(judgeUpstream(answer, "https://registry").line, /took 4\.2 s/);
  });
});

describe("Doctor: time.clock", () => {
  afterEach(closeServers);

  const withDate = async (offset: number | undefined) => {
    const { url, server } = await serve((_, answer) => {
      answer.sendDate = false;
      if (offset !== undefined) answer.setHeader("date", new Date(Date.now() + offset * 1000).toUTCString());
      answer.end("{}");
    });
    const result = judgeClock(await askUpstream(url), Date.now());
    server.close();
    return result;
  };

  it("is FAIL for two days, WARN for a minute, OK within seconds, SKIP without a date", async () => {
    const behind = await withDate(2 * 86_400 + 3_600);
    assert.equal(behind.status, "FAIL");
    assert.match(
      behind.line,
      /the clock is 2 days behind: certificates look expired or not yet valid \(x509\)/,
    );
    assert.match(behind.fix!, /timedatectl/);
    assert.match((await withDate(-600)).line, /10 minutes ahead/);
    assert.equal((await withDate(-60)).status, "WARN");
    assert.equal((await withDate(0)).status, "OK");
    assert.equal((await withDate(undefined)).status, "SKIP");
  });
});

describe("Doctor: net.dns", () => {
  it("is FAIL for a name without address", async () => {
    const settings = settingsOf({ registryCache: { upstream: "https://registry.invalid" } });
    const result = await check("net.dns", factsOf({ settings }));
    assert.equal(result.status, "FAIL");
    assert.match(result.line, /registry\.invalid has no address/);
  });

  it("is SKIP where the setting proxy leaves the name to a proxy", async () => {
    const settings = settingsOf({
      proxy: { https: "http://proxy.test:3128" },
      registryCache: { upstream: "https://registry.invalid" },
    });
    assert.equal((await check("net.dns", factsOf({ settings }))).status, "SKIP");
  });
});

describe("Doctor: net.proxy", () => {
  const proxy = (noProxy: string, host: string) =>
    judgeProxy({ httpProxy: "http://proxy:3128", httpsProxy: "", noProxy }, host);

  it("is OK without a proxy", () =>
    assert.equal(judgeProxy({ httpProxy: "", httpsProxy: "", noProxy: "" }, "127.0.0.1").status, "OK"));

  it("is FAIL with the line to add for a cache on the network, WARN on loopback", () => {
    const lan = proxy("localhost,.corp", "10.0.0.5");
    assert.equal(lan.status, "FAIL");
    assert.match(lan.fix!, /NO_PROXY=localhost,\.corp,10\.0\.0\.5/);
    const loopback = proxy("", "127.0.0.1");
    assert.equal(loopback.status, "WARN");
    assert.match(loopback.fix!, /NO_PROXY=127\.0\.0\.1/);
  });

  for (const [noProxy, host] of [
    ["127.0.0.1", "127.0.0.1"],
    ["localhost", "127.0.0.1"],
    ["127.0.0.0/8", "127.0.0.1"],
    ["10.0.0.0/24, x", "10.0.0.5"],
    ["*", "10.0.0.5"],
    [".corp", "cache.corp"],
    ["corp", "cache.corp"],
    ["10.0.0.5:5000", "10.0.0.5"],
  ] as const)
    it(`takes ${noProxy} to cover ${host}`, () => assert.equal(proxy(noProxy, host).status, "OK"));

  for (const [noProxy, host] of [
    ["10.0.1.0/24", "10.0.0.5"],
    ["10.0.0", "10.0.0.5"],
    ["orp", "cache.corp"],
  ] as const)
    it(`does not take ${noProxy} to cover ${host}`, () => assert.equal(proxy(noProxy, host).status, "FAIL"));
});

describe("Doctor: port.cache", () => {
  let holder: TcpServer | undefined;
  afterEach(() => {
    closeServers();
    holder?.close();
  });

  /** Holds a port of an address and looks at it. */
  async function held(address: string, mode = "own") {
    holder = createTcpServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => holder!.listen({ port: 0, host: address, ipv6Only: true }, resolve));
    const { port } = holder.address() as AddressInfo;
    return { port, result: await portResult(port, mode) };
  }

  const portResult = (port: number, mode = "own") =>
    check("port.cache", factsOf({ settings: settingsOf({ registryCache: { port, mode } }) }));

  for (const address of ["127.0.0.1", "0.0.0.0"])
    it(`is FAIL with program and process where ${address} is taken`, async () => {
      const { port, result } = await held(address);
      assert.equal(result.status, "FAIL");
      assert.match(
        result.line,
        new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is taken by .+ \\(process ${process.pid}\\)$`),
      );
      assert.match(result.fix!, /registryCache\.port PORT/);
    });

  it("is WARN with program and process where only [::1] is taken", async function () {
    try {
      const { port, result } = await held("::1");
      assert.equal(result.status, "WARN");
      assert.match(
        result.line,
        new RegExp(
          `^${port} on 127\\.0\\.0\\.1 is free; on \\[::1\\] it is taken by .+ \\(process ${process.pid}\\)`,
        ),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRNOTAVAIL") this.skip(); // no IPv6 here
      throw error;
    }
  });

  it("offers to use a registry that is there", async () => {
    const { port, server } = await serve((_, answer) => {
      answer.setHeader("docker-distribution-api-version", "registry/2.0");
      answer.end("{}");
    });
    const own = await portResult(port);
    assert.equal(own.status, "FAIL");
    assert.match(own.line, /A registry answers there/);
    assert.match(own.fix!, /registryCache\.mode external/);
    assert.equal((await portResult(port, "external")).status, "OK");
    server.closeAllConnections();
    server.close();
  });

  it("is FAIL in mode external where no registry answers", async () => {
    const { result } = await held("127.0.0.1", "external");
    assert.equal(result.status, "FAIL");
    assert.match(result.line, /no registry answers/);
  });

  it("is OK for a free port, and for the stack's own cache", async () => {
    const { server, port } = await serve(() => {});
    const container = { id: "1", running: true, health: "healthy", port: String(port), stack: "dev" };
    const cache = async () => ({ name: "c", container, volumeStack: "dev" });
    const settings = settingsOf({ registryCache: { port } });
    assert.equal((await check("port.cache", factsOf({ settings, cache }))).status, "OK");
    await new Promise((resolve) => server.close(resolve));
    assert.match((await portResult(port)).line, /is free/);
  });
});
