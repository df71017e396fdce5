import assert from "node:assert/strict";
import { createServer, get, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { fullSpeed, kindOf, openLine, parseSpeed, type Line } from "../../bench/line.ts";

describe("the line to the outside", () => {
  const body = Buffer.alloc(200_000, "x");
  let server: Server;
  let port: number;
  let line: Line | undefined;

  before(async () => {
    server = createServer((_, answer) => answer.end(body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => line?.close());
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  it("counts what comes from the registry apart from what comes through the proxy", async () => {
    line = await openLine(fullSpeed, port);
    assert.equal((await fetched(line.upstream)).length, body.length);
    assert.ok(line.received.images >= body.length, "with the head of the answer");
    assert.equal(line.received.other, 0);
    line.reset();
    assert.equal((await fetched(line.proxy, `http://127.0.0.1:${port}/`)).length, body.length);
    assert.deepEqual(line.received, { images: 0, python: 0, debian: 0, other: body.length });
  });

  it("counts tunnels, too, and ends with them", async () => {
    line = await openLine(fullSpeed, port);
    assert.ok((await tunnelled(line.proxy, port)).includes("200 OK"));
    assert.ok(line.received.other >= body.length);
  });

  it("lets no more through than its speed, over all connections together", async () => {
    line = await openLine({ name: "16 Mbit/s", mbit: 16 }, port);
    const began = performance.now();
    await Promise.all([fetched(line.upstream), fetched(line.proxy, `http://127.0.0.1:${port}/`)]);
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds > 0.15, `400 kB at 2 MB/s take 0.2 s, not ${seconds}`);
  });

  it("answers 502 where nobody listens", async () => {
    line = await openLine(fullSpeed, port);
    const status = await new Promise((resolve, reject) => {
      const { hostname, port } = new URL(line!.proxy);
      get({ hostname, port, path: "http://127.0.0.1:1/" }, (answer) => resolve(answer.statusCode)).on(
        "error",
        reject,
      );
    });
    assert.equal(status, 502);
  });

  it("knows speeds and hosts by their names", () => {
    assert.deepEqual(parseSpeed("100mbit"), { name: "100 Mbit/s", mbit: 100 });
    assert.deepEqual(parseSpeed("full"), fullSpeed);
    for (const wrong of ["0mbit", "fast", "20", "-5mbit"]) assert.equal(parseSpeed(wrong), undefined);
    const hosts = ["any.pythonhosted.org", "pypi.org", "any.debian.org", "notpypi.org"];
    assert.deepEqual(hosts.map(kindOf), ["python", "python", "debian", "other"]);
  });

  /** @param path a whole URL where `at` is a proxy */
  async function fetched(at: string, path = "/"): Promise<Buffer> {
    const { hostname, port } = new URL(at);
    return new Promise((resolve, reject) => {
      get({ hostname, port, path, agent: false }, (answer) => {
        const chunks: Buffer[] = [];
        answer
          .on("data", (chunk: Buffer) => chunks.push(chunk))
          .on("end", () => resolve(Buffer.concat(chunks)));
      }).on("error", reject);
    });
  }

  async function tunnelled(proxy: string, target: number): Promise<string> {
    const socket = connect(Number(new URL(proxy).port), "127.0.0.1");
    socket.write(
      `CONNECT 127.0.0.1:${target} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    return text;
  }
});
