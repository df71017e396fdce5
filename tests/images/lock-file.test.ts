import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageLockFile } from "../../lib/images/lock-file.ts";
import { fetchManifestDigest } from "../../lib/registry/manifest-digest.ts";

const digest = `sha256:${"1".repeat(64)}`;
const other = `sha256:${"2".repeat(64)}`;

describe("images.lock.yaml", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gbh-lock-"));
    path = join(folder, "images.lock.yaml");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is filled by asking once, and asks no more afterwards", async () => {
    const asked: string[] = [];
    const lock = await ImageLockFile.open(path, async (reference) => (asked.push(reference), digest));
    assert.deepEqual(await Promise.all([lock.digestOf("os"), lock.digestOf("docker.io/library/os:latest")]), [
      digest,
      digest,
    ]);
    assert.deepEqual(asked, ["os:latest"]);
    assert.equal(await lock.save(), true);
    const again = await ImageLockFile.open(path);
    assert.equal(await again.digestOf("os:latest"), digest);
    assert.deepEqual(again.entries(), { "os:latest": digest });
    assert.equal(await again.save(), false);
  });

  it("keeps comments, order and foreign entries", async () => {
    const text = `# ours\nimages:\n  # why this one\n  z/z:1: ${digest} # note\n  a/a:1: ${digest}\nextra: 1\n`;
    writeFileSync(path, text);
    const lock = await ImageLockFile.open(path);
    assert.equal(lock.set("a/a:1", other), true);
    assert.equal(lock.set("a/a:1", other), false);
    await lock.save();
    assert.equal(readFileSync(path, "utf8"), text.replace(`a/a:1: ${digest}`, `a/a:1: ${other}`));
  });

  it("keeps what another run wrote meanwhile", async () => {
    const [one, two] = [await ImageLockFile.open(path), await ImageLockFile.open(path)];
    one.set("one", digest);
    two.set("two", other);
    await one.save();
    await two.save();
    assert.deepEqual((await ImageLockFile.open(path)).entries(), {
      "one:latest": digest,
      "two:latest": other,
    });
  });

  it("is written with a heading where there was none", async () => {
    const lock = await ImageLockFile.open(path, async () => digest);
    await lock.digestOf("nvidia/cuda:12.8.1-base-ubuntu22.04");
    await lock.save();
    assert.match(
      readFileSync(path, "utf8"),
      /^# Digests of the external images.*npm run lock -- digests\n\nimages:\n {2}nvidia\/cuda:12.8.1-base-ubuntu22.04: sha256:1{64}\n$/,
    );
  });

  const problems: [string, string, RegExp][] = [
    [
      "text that is no YAML",
      "images: [",
      /images.lock.yaml: .*; repair it, or delete it to have it filled again$/,
    ],
    ["another form", "- a\n- b\n", /must have the form/],
    [
      "a digest that is none",
      "images:\n  os:latest: latest\n",
      /images.os:latest must be "sha256:" and 64 hexadecimal digits, got "latest"/,
    ],
    ["a missing entry without a registry", "", /has no digest of os:latest; run npm run lock -- digests/],
  ];
  for (const [what, text, message] of problems)
    it(`refuses ${what} in one line`, async () => {
      writeFileSync(path, text);
      await assert.rejects(
        async () => (await ImageLockFile.open(path)).digestOf("os"),
        (error: Error) => {
          assert.match(error.message, message);
          assert.ok(!error.message.includes("\n"));
          return true;
        },
      );
    });
});

describe("asking a registry for a digest", () => {
  let server: Server;
  let mirror: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const seen: string[] = [];
  before(async () => {
    server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`.trim());
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => void (seen.length = 0));
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  it("asks the mirror for an image of Docker Hub", async () => {
    answer = (_, response) => void response.setHeader("docker-content-digest", digest).end();
    assert.equal(
      await fetchManifestDigest("nvidia/cuda:12", { mirrors: { "docker.io": `${mirror}/` } }),
      digest,
    );
    assert.deepEqual(seen, ["HEAD /v2/nvidia/cuda/manifests/12"]);
  });

  it("asks other registries themselves, loopback by http, and nobody for a digest", async () => {
    answer = (_, response) => void response.setHeader("docker-content-digest", digest).end();
    assert.equal(await fetchManifestDigest(`${mirror.slice(7)}/x/y:1`), digest);
    assert.equal(await fetchManifestDigest(`os@${other}`), other);
    assert.deepEqual(seen, ["HEAD /v2/x/y/manifests/1"]);
  });

  it("gets an anonymous token where one is wanted", async () => {
    answer = (request, response) => {
      if (request.url?.startsWith("/token")) return void response.end('{"token":"t0"}');
      if (request.headers.authorization === "Bearer t0")
        return void response.setHeader("docker-content-digest", digest).end();
      response.statusCode = 401;
      response
        .setHeader(
          "www-authenticate",
          `Bearer realm="${mirror}/token",service="reg",scope="repository:x:pull"`,
        )
        .end();
    };
    assert.equal(await fetchManifestDigest("os:1", { mirrors: { "docker.io": mirror } }), digest);
    assert.deepEqual(seen.slice(1), [
      "GET /token?service=reg&scope=repository%3Alibrary%2Fos%3Apull",
      "HEAD /v2/library/os/manifests/1 Bearer t0",
    ]);
  });

  it("works the digest out where the registry names none", async () => {
    answer = (_, response) => void response.end("{}");
    assert.equal(
      await fetchManifestDigest("os:1", { mirrors: { "docker.io": mirror } }),
      "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    );
  });

  it("says who answered what when nobody knows, within its time limit", async () => {
    answer = (_, response) => void response.writeHead(404).end();
    const local = mirror.slice(7);
    await assert.rejects(fetchManifestDigest(`${local}/x:1`), {
      message: new RegExp(
        `^cannot find out the digest of ${local}/x:1 \\(${mirror}: no such image\\); check the name and the network`,
      ),
    } as never);
    answer = () => undefined;
    const begin = Date.now();
    await assert.rejects(fetchManifestDigest(`${local}/x:1`, { timeoutMs: 200 }), /no answer in 0.2 s/);
    assert.ok(Date.now() - begin < 14_000, "it took the default limit of 15 s");
    await assert.rejects(fetchManifestDigest("127.0.0.1:1/x:1"), /ECONNREFUSED|bad port/);
  });
});
