import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CacheClient } from "../../lib/registry/cache-client.ts";
import { digestOf } from "../../sandbox/digest.ts";
import { Certificates } from "../registry/certificates.ts";

// A small HTTPS server stands in for the cache: only the certificates are looked at.
describe("client of a cache with TLS", () => {
  let certificates: Certificates;
  let server: Server;
  let port: number;
  const folder = mkdtempSync(join(tmpdir(), "gbh-client-"));
  const blob = Buffer.from("bytes of a layer");

  before(async () => {
    certificates = new Certificates(join(folder, "certificates"));
    certificates.selfSigned("ca");
    certificates.signed("cache", "ca", "127.0.0.1");
    certificates.signed("client", "ca");
    const pem = (name: string) => readFileSync(certificates.path(name));
    server = createServer(
      { cert: pem("cache.pem"), key: pem("cache.key"), ca: pem("ca.pem"), requestCert: true },
      (_, answer) => answer.end(blob),
    );
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    port = (server.address() as AddressInfo).port;
  });
  after(async () => {
    await new Promise((done) => server.close(done));
    rmSync(folder, { recursive: true });
  });

  async function readWith(files: Record<string, string>): Promise<void> {
    const path = (name: string) => certificates.path(name);
    const tls = { certificate: path("cache.pem"), key: path("cache.key"), ...files };
    const client = new CacheClient({ port, tls }, 5_000);
    await client.blob("library/x", digestOf(blob)).finally(() => client.close());
  }

  it("trusts the cache's CA and shows its own certificate", () =>
    readWith({
      ca: certificates.path("ca.pem"),
      clientCertificate: certificates.path("client.pem"),
      clientKey: certificates.path("client.key"),
    }));

  it("has nothing to do with a cache of another CA, nor without its own certificate", async () => {
    await assert.rejects(
      readWith({ ca: certificates.path("client.pem") }),
      /cut off \(UNABLE_TO|cut off \(.*CERT/,
    );
    await assert.rejects(readWith({ ca: certificates.path("ca.pem") }), /the answer was cut off/);
  });
});
