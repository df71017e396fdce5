import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { openHeads } from "../../lib/proxy/answer-heads.ts";
import { Certificates } from "../registry/certificates.ts";
import { startTestProxy, type TestProxy } from "./test-proxy.ts";

const root = join(import.meta.dirname, "..", "..");

describe("heads of answers by HTTP/2", function () {
  this.timeout(20_000);
  let folder: string;
  let server: Http2SecureServer;
  let proxy: TestProxy;
  let requests: string[];
  let sessions: number;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "gbh-heads-"));
    const certificates = new Certificates(folder);
    certificates.selfSigned("index", "127.0.0.1,IP:127.0.0.2");
    const [cert, key] = ["index.pem", "index.key"].map((name) => readFileSync(certificates.path(name)));
    server = createSecureServer({ cert, key });
    server.on("session", () => (sessions += 1));
    server.on("stream", (stream, headers) => {
      const { ":method": method, ":path": path } = headers;
      requests.push(`${method} ${path}`);
      if (path === "/big/") stream.respond({ ":status": 200, "content-length": 1_000_000, etag: '"a"' });
      else if (path === "/packed/" && method === "HEAD")
        stream.respond({ ":status": 200, "content-length": 7, "cache-control": "public, max-age=600" });
      else stream.respond({ ":status": path === "/packed/" ? 200 : 404 });
      stream.on("error", () => {}); // it is ended in the middle
      stream.end(path === "/big/" ? Buffer.alloc(1_000_000) : undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    proxy = await startTestProxy({ login: "me:secret", hosts: { "127.0.0.2": port() } });
  });
  beforeEach(() => {
    requests = [];
    sessions = 0;
  });
  after(async () => {
    await proxy.stop();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const port = () => (server.address() as AddressInfo).port;

  /** In a process of its own: Node reads the certificates that it trusts at its start. */
  async function ask(addresses: string[], proxy: string): Promise<unknown> {
    const code = `
      import { openHeads } from ${JSON.stringify(join(root, "lib", "proxy", "answer-heads.ts"))};
      const proxies = { https: "${proxy}", noProxy: ["127.0.0.1"] };
      const all = await Promise.all(${JSON.stringify(addresses)}.map(async (address) => {
        const asker = await openHeads(address, { proxies, headers: {}, signal: AbortSignal.timeout(5_000) });
        const paths = ["big", "big", "packed", "none"];
        const heads = await Promise.all(paths.map((path) => asker.ask(address + "/" + path + "/")));
        asker.close();
        return heads;
      }));
      console.log(JSON.stringify(all));`;
    const { stdout } = await execa(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", code],
      { cwd: root, env: { NODE_EXTRA_CA_CERTS: join(folder, "index.pem") } },
    );
    return JSON.parse(stdout);
  }

  const big = { status: 200, hasValidators: true, staysFresh: false, bytes: 1_000_000 };
  const packed = { status: 200, hasValidators: false, staysFresh: true, bytes: 7 };
  const none = { status: 404, hasValidators: false, staysFresh: false };

  it("come over one connection, without the bodies, through a proxy with a login too", async () => {
    const addresses = [`https://127.0.0.1:${port()}`, "https://127.0.0.2"];
    const answers = await ask(addresses, `http://me:secret@127.0.0.1:${proxy.port}`);
    assert.deepEqual(answers, [
      [big, big, packed, none],
      [big, big, packed, none],
    ]);
    assert.deepEqual([sessions, requests.length], [2, 10]);
    assert.deepEqual(proxy.requests, ["CONNECT 127.0.0.2:443"]);
    assert.ok(proxy.received["127.0.0.2"]! < 10_000, `${proxy.received["127.0.0.2"]} bytes came`);
  });

  it("do not come from a server that nobody vouches for, or by a proxy that refuses", async () => {
    const signal = AbortSignal.timeout(5_000);
    await assert.rejects(openHeads(`https://127.0.0.1:${port()}`, { headers: {}, signal }), {
      code: "DEPTH_ZERO_SELF_SIGNED_CERT",
    });
    const proxies = { https: `http://127.0.0.1:${proxy.port}`, noProxy: [] };
    await assert.rejects(openHeads("https://127.0.0.2", { proxies, headers: {}, signal }), /status 407/);
  });
});
