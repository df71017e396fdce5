import assert from "node:assert/strict";
import { readRequest } from "../../lib/cache-store/access-log.ts";
import { readManifest } from "../../lib/cache-store/manifest.ts";
import { readUsage } from "../../lib/cache-store/usage.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("access log of the registry", () => {
  it("gives time, name, status, bytes and client of a request", () => {
    const line = `2026-11-30T09:00:01.123456789Z 127.0.0.1 - - [30/Nov/2026:10:00:01 +0100] "GET /v2/nvidia/cuda/blobs/${digest}?ns=docker.io HTTP/1.1" 206 4096 "" "containerd/2.1 \\"x\\""`;
    assert.deepEqual(readRequest(line.replaceAll('\\"', "'")), {
      time: Date.UTC(2026, 10, 30, 9, 0, 1),
      method: "GET",
      repository: "nvidia/cuda",
      kind: "blobs",
      name: digest,
      status: 206,
      bytes: 4096,
      agent: "containerd/2.1 'x'",
    });
  });

  for (const [what, line] of Object.entries({
    "the health check": '127.0.0.1 - - [30/Nov/2026:10:00:01 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "Wget"',
    "a list of tags":
      '127.0.0.1 - - [30/Nov/2026:10:00:01 +0000] "GET /v2/library/busybox/tags/list HTTP/1.1" 200 2 "" "x"',
    "half a line": '127.0.0.1 - - [30/Nov/2026:10:00:01 +0000] "GET /v2/library/busybox/manif',
    "a date that is none":
      '127.0.0.1 - - [99/Foo/2026:10:00:01 +0000] "GET /v2/library/busybox/manifests/1 HTTP/1.1" 200 2 "" "x"',
    "no line": "",
  }))
    it(`passes over ${what}`, () => assert.equal(readRequest(line), undefined));
});

describe("manifests in the cache", () => {
  it("leaves out layers that come from elsewhere, and digests that are none", () => {
    const layers = [
      { digest, size: 5 },
      { digest: digest.replace("a", "b"), size: 5, urls: ["https://elsewhere.example/layer"] },
      { digest: "sha256:../../etc", size: 5 },
    ];
    assert.deepEqual(readManifest(JSON.stringify({ layers }))?.blobs, [{ digest, bytes: 5 }]);
  });

  for (const text of ["", "{", "null", "[]", '"x"', "{}", '{"layers": 5}'])
    it(`takes ${JSON.stringify(text)} for none`, () => assert.equal(readManifest(text), undefined));
});

describe("noted use of the cache", () => {
  for (const text of [
    undefined,
    "",
    '{"version": 1, "since"',
    '{"version": 2}',
    '{"version":1,"requests":"many"}',
  ])
    it(`begins anew where the note reads ${text}`, () => {
      assert.deepEqual(readUsage(text).lastUsed, {});
      assert.equal(readUsage(text).until, 0);
    });
});
