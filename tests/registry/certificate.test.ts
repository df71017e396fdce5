import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tlsFingerprint, tlsProblems, tlsWarnings, type CacheTls } from "../../lib/registry/certificate.ts";
import { Certificates } from "./certificates.ts";

const key = "gpu-build-host:registryCache.tls";

describe("tlsProblems", () => {
  let certificates: Certificates;
  let good: CacheTls;
  const address = "192.0.2.7";
  const path = (name: string) => certificates.path(name);

  before(() => {
    certificates = new Certificates(join(mkdtempSync(join(tmpdir(), "gbh-certificates-")), "pem"));
    certificates.selfSigned("ca");
    certificates.selfSigned("other");
    certificates.selfSigned("own", address);
    certificates.signed("cache", "ca", address);
    certificates.signed("client", "ca");
    writeFileSync(path("nonsense"), "nonsense");
    good = { certificate: path("cache.pem"), key: path("cache.key"), ca: path("ca.pem") };
  });
  after(() => rmSync(join(certificates.folder, ".."), { recursive: true }));

  it("are none for a signed certificate with its CA, nor for a self-signed one", () => {
    assert.deepEqual(tlsProblems(good, address), []);
    assert.deepEqual(tlsProblems({ certificate: path("own.pem"), key: path("own.key") }, address), []);
    const client = {
      clientCa: path("ca.pem"),
      clientCertificate: path("client.pem"),
      clientKey: path("client.key"),
    };
    assert.deepEqual(tlsProblems({ ...good, ...client }, address), []);
  });

  const wrong: [string, () => Partial<CacheTls>, string][] = [
    [
      "a missing file",
      () => ({ key: "/none" }),
      `${key}.key /none does not exist: create it or change the setting`,
    ],
    ["a folder", () => ({ key: "/tmp" }), `${key}.key /tmp is a folder: name the file in it`],
    [
      "something else than a certificate",
      () => ({ certificate: path("nonsense") }),
      `${key}.certificate NONSENSE holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`,
    ],
    [
      "something else than a key",
      () => ({ key: path("nonsense") }),
      `${key}.key NONSENSE holds no private key in PEM form without a passphrase`,
    ],
    [
      "another certificate's key",
      () => ({ key: path("client.key") }),
      `${key}.key CLIENT.KEY does not belong to the certificate: name the key that it was made with`,
    ],
    [
      "another CA",
      () => ({ ca: path("other.pem") }),
      `${key}.ca OTHER.PEM has not signed CACHE.PEM: name the CA certificate that has`,
    ],
    [
      "no CA for a certificate that is not self-signed",
      () => ({ ca: undefined }),
      `${key}.certificate CACHE.PEM is not self-signed: set registryCache.tls.ca to the CA certificate that signed it`,
    ],
    [
      "a client's certificate of another CA",
      () => ({
        clientCa: path("other.pem"),
        clientCertificate: path("client.pem"),
        clientKey: path("client.key"),
      }),
      `${key}.clientCertificate CLIENT.PEM is not signed by clientCa OTHER.PEM: the cache would refuse this host's own engine`,
    ],
  ];
  for (const [what, change, message] of wrong) {
    it(`names ${what}`, () => {
      const wanted = message.replace(/\b[A-Z]+(\.[A-Z]+)?\b(?=[ :])/g, (name) =>
        /^(NONSENSE|[A-Z]+\.(PEM|KEY))$/.test(name) ? path(name.toLowerCase()) : name,
      );
      assert.deepEqual(tlsProblems({ ...good, ...change() }, address), [wanted]);
    });
  }

  it("names the addresses that a certificate is for", () => {
    assert.deepEqual(tlsProblems(good, "192.0.2.8"), [
      `${key}.certificate ${path("cache.pem")} is not for 192.0.2.8 (it names IP Address:192.0.2.7): make one with subjectAltName IP:192.0.2.8`,
    ]);
    assert.match(tlsProblems(good, "0.0.0.0")[0]!, /is not for 127\.0\.0\.1 /);
  });

  it("names a certificate that has expired, or is not valid yet", () => {
    const day = 86_400_000;
    const at = (days: number) => tlsProblems(good, address, new Date(Date.now() + days * day));
    assert.match(at(3)[0]!, /cache\.pem has expired on .*: renew it$/);
    assert.match(at(-1)[0]!, /cache\.pem is not valid before /);
  });

  it("changes its fingerprint with the certificate, and warns of a key that others can read", () => {
    const before = tlsFingerprint(good);
    certificates.signed("cache", "ca", address);
    assert.notEqual(tlsFingerprint(good), before);
    chmodSync(good.key, 0o640);
    assert.deepEqual(tlsWarnings(good), [
      { line: `The private key ${good.key} can be read by others (mode 640)`, fix: `chmod 600 ${good.key}` },
    ]);
    chmodSync(good.key, 0o600);
    assert.deepEqual(tlsWarnings(good), []);
  });
});
