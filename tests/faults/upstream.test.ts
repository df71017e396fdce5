import assert from "node:assert/strict";
import { join } from "node:path";
import { engineAt } from "../../lib/docker/engine.ts";
import { buildImage } from "../../lib/images/build.ts";
import { until } from "./background-run.ts";
import { cacheName, DevStack } from "./dev-stack.ts";
import { FaultyUpstream, type Fault } from "./faulty-upstream.ts";
import { freePort } from "../integration/free-ports.ts";
import { pushTinyImage, type TinyImage } from "./tiny-image.ts";

// Builds get their images from the cache alone; `docker pull` turns to the next mirror, which is the real registry.
describe("the cache and its upstream", function () {
  this.timeout(5 * 60_000);
  let stack: DevStack;
  let upstream: FaultyUpstream;
  let port: number;
  const outside = new Map<string, string | undefined>();

  before(async () => {
    stack = await DevStack.open();
    upstream = new FaultyUpstream(`http://127.0.0.1:${stack.upstreamPort}`);
    await upstream.arrive();
    port = await freePort();
    stack.configure({ upstream: upstream.url, port });
    await stack.start();
    // Builds run in this process too: the same code as the provider's, without Pulumi around it.
    for (const [name, value] of Object.entries(await stack.project.variables())) {
      outside.set(name, process.env[name]);
      process.env[name] = value;
    }
  });
  after(async () => {
    for (const [name, value] of outside) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    upstream.heal();
    await upstream.leave();
    await stack.remove();
  });

  /** Builds an image that stands on a tiny one, fetched through the cache. */
  async function build(tiny: TinyImage, idleMinutes = 1): Promise<void> {
    const name = tiny.repository.replace("library/", "");
    stack.project.write(`${name}/Dockerfile`, `FROM ${name}:1\nCOPY Dockerfile /\n`);
    const plan = {
      name,
      context: join(stack.project.root, name),
      dockerfile: "Dockerfile",
      args: {},
      contexts: {},
      secrets: {},
      pins: { [`${name}:1`]: `docker-image://127.0.0.1:${port}/${tiny.repository}@${tiny.manifest}` },
      rebuild: { count: 0, noCache: false },
    };
    const engine = engineAt(stack.dockerHost);
    const signal = new AbortController().signal;
    await buildImage(plan, `localhost:1/dev/${name}:1`, { engine, signal, idleMinutes });
    const labels = await stack.docker("image", "inspect", `localhost:1/dev/${name}:1`);
    assert.ok(labels.includes(tiny.diff), "it stands on the image that was asked for");
  }

  async function failsToBuild(tiny: TinyImage, idleMinutes?: number): Promise<string> {
    let message = "";
    await assert.rejects(build(tiny, idleMinutes), (error: Error) => {
      message = error.message;
      return error.name === "UserError";
    });
    return message;
  }

  /** Blobs in the cache's volume whose bytes are not those of their name. */
  async function badBlobs(): Promise<string[]> {
    const script =
      'cd /var/lib/registry/docker/registry/v2/blobs/sha256; for f in */*/data; do test "$(sha256sum < $f | cut -c1-64)" = "$(basename $(dirname $f))" || echo $f; done; echo looked at $(ls | wc -l)';
    const lines = (await stack.docker("exec", cacheName, "sh", "-c", script)).split("\n");
    assert.match(lines.pop()!, /^looked at [1-9]/);
    return lines;
  }

  const health = () => stack.docker("inspect", "--format={{.State.Health.Status}}", cacheName);

  /** Pulls an image, that the engine then does not have any more, from the cache itself. */
  async function pullFromCache({ repository }: TinyImage): Promise<void> {
    await stack.docker("pull", `127.0.0.1:${port}/${repository}:1`);
    await stack.docker("image", "rm", `127.0.0.1:${port}/${repository}:1`);
  }

  const said: [Fault, what: "manifest" | "blob", RegExp][] = [
    ["too many requests", "manifest", /toomanyrequests.*; it answers 429 \(too many requests\): wait, then/],
    ["too many requests", "blob", /toomanyrequests.*; it answers 429 \(too many requests\): wait, then/],
    ["server error", "manifest", /unexpected HTTP status: 500 Internal Server Error; nothing of it was kept/],
    ["server error", "blob", /unexpected HTTP status: 500 Internal Server Error; nothing of it was kept/],
    ["truncated", "manifest", /unexpected EOF; nothing of it was kept/],
    ["truncated", "blob", /unexpected EOF; nothing of it was kept/],
    ["wrong bytes", "manifest", /invalid character .*; nothing of it was kept/],
    ["wrong bytes", "blob", /content does not match digest; nothing of it was kept/],
    ["redirect loop", "manifest", /stopped after 10 redirects; nothing of it was kept/],
    ["redirect loop", "blob", /stopped after 10 redirects; nothing of it was kept/],
  ];
  for (const [fault, what, reason] of said) {
    it(`names what the upstream did, keeps nothing of it, and goes on afterwards: ${fault}, in a ${what}`, async () => {
      const tiny = await pushTinyImage(stack.upstreamPort);
      upstream.breaks(fault, new RegExp(`${tiny.repository}/${what === "blob" ? "blobs" : "manifests"}/`));
      const message = await failsToBuild(tiny);
      const head = `the registry cache at 127.0.0.1:${port} cannot get ${tiny.repository} from ${upstream.url}: `;
      assert.ok(message.includes(head), message);
      assert.match(message, reason);
      const asked = upstream.requests.length;
      assert.ok(asked > 0 && asked < 60, `${asked} requests`);
      assert.deepEqual(await badBlobs(), []);
      upstream.heal();
      await build(tiny);
      assert.deepEqual(await badBlobs(), []);
    });
  }

  it("lets no corrupt layer into a plain docker pull, and gives the good one afterwards", async () => {
    const tiny = await pushTinyImage(stack.upstreamPort);
    upstream.breaks("wrong bytes", new RegExp(`${tiny.repository}/blobs/`));
    const { exitCode, output } = await stack.tryDocker("pull", `127.0.0.1:${port}/${tiny.repository}:1`);
    assert.notEqual(exitCode, 0, output);
    assert.match(output, /verification failed|unexpected EOF|unexpected HTTP status/);
    assert.deepEqual(await badBlobs(), []);
    upstream.heal();
    await pullFromCache(tiny);
  });

  it("serves others while the upstream is silent, and goes on when it answers again", async () => {
    const [slow, cached] = [await pushTinyImage(stack.upstreamPort), await pushTinyImage(stack.upstreamPort)];
    await pullFromCache(cached);
    upstream.breaks("stall", new RegExp(`${slow.repository}/blobs/`));
    const pull = stack.tryDocker("pull", `127.0.0.1:${port}/${slow.repository}:1`);
    await until(
      "the silent upstream",
      () => upstream.requests.some((line) => line.includes("/blobs/")) || undefined,
    );
    await pullFromCache(cached);
    upstream.heal();
    const { exitCode, output } = await pull;
    assert.equal(exitCode, 0, output);
  });

  it("stops a build for which the upstream stays silent, and says what it waited for", async () => {
    const tiny = await pushTinyImage(stack.upstreamPort);
    upstream.breaks("stall", new RegExp(`${tiny.repository}/manifests/`));
    const message = await failsToBuild(tiny, 0.05);
    upstream.heal();
    assert.match(
      message,
      /showed no progress for 0\.05 minutes and was stopped \(setting build\.idleMinutes\)/,
    );
    assert.ok(message.includes(`load metadata for 127.0.0.1:${port}/${tiny.repository}@`), message);
    await build(tiny);
  });

  it("tells a person who runs npm start the same, and the next start goes on", async () => {
    const tiny = await pushTinyImage(stack.upstreamPort);
    const name = tiny.repository.replace("library/", "");
    stack.project.write("app/Dockerfile", `FROM ${name}:1\nCOPY Dockerfile /\n`);
    stack.configure({ upstream: upstream.url, port }, { services: { app: { context: "app" } } });
    upstream.breaks("too many requests", new RegExp(`${tiny.repository}/(manifests|blobs)/sha256`));
    const { exitCode, output } = await stack.run("start");
    assert.notEqual(exitCode, 0);
    assert.match(output, /^app: image "app" does not build: \S+app\/Dockerfile:1: /m);
    assert.match(output, new RegExp(`cannot get ${tiny.repository} from ${upstream.url}: .* answers 429`));
    assert.doesNotMatch(output, /\n\s+at |UNKNOWN|err\.detail/);
    upstream.heal();
    await stack.start();
    assert.deepEqual(await stack.preview(), []);
  });

  it("says which address answered what when it asks for the digest of an image", async () => {
    stack.project.write("app/Dockerfile", "FROM tiny-unknown:1\n");
    upstream.breaks("too many requests", /tiny-unknown/);
    const { exitCode, output } = await stack.run("start");
    upstream.heal();
    assert.notEqual(exitCode, 0);
    assert.ok(output.includes(`${upstream.url}: too many requests; wait, or use a mirror`), output);
    stack.configure({ upstream: upstream.url, port });
  });

  describe("that is away", () => {
    let cached: TinyImage;
    let other: TinyImage;
    before(async () => {
      cached = await pushTinyImage(stack.upstreamPort);
      other = await pushTinyImage(stack.upstreamPort);
      await pullFromCache(cached);
      await upstream.leave();
    });

    it("serves a cached tag", () => pullFromCache(cached));

    it("names cache and upstream where an image is not cached", async () => {
      const message = await failsToBuild(other);
      assert.ok(
        message.includes(`127.0.0.1:${port} cannot get ${other.repository} from ${upstream.url}: `),
        message,
      );
      assert.match(
        message,
        /connection refused; check the network and registryCache\.upstream, then run again/,
      );
    });

    it("starts again without its upstream, and serves what it has", async () => {
      await stack.docker("restart", cacheName);
      await until("the cache", async () => (await health()) === "healthy" || undefined);
      await pullFromCache(cached);
      assert.deepEqual((await stack.start()).changed, []);
    });

    it("is made anew without its upstream over the volume that it had", async () => {
      await stack.docker("rm", "--force", cacheName);
      const names = (await stack.start()).changed.map(({ name }) => name);
      assert.ok(names.includes("registry-cache-server"), names.join());
      await pullFromCache(cached);
    });

    it("goes on when its upstream is back", async () => {
      await upstream.arrive();
      await build(other);
    });
  });

  it("lets pulls pass it by while it is down", async () => {
    const tiny = await pushTinyImage(stack.upstreamPort);
    await stack.docker("stop", cacheName);
    await stack.docker("pull", tiny.repository.replace("library/", "") + ":1");
    const message = await failsToBuild(await pushTinyImage(stack.upstreamPort));
    assert.match(message, /the registry cache does not run: start it \(pulumi up does\) and run again/);
    await stack.start();
    await pullFromCache(tiny);
  });

  it("mends a blob that was damaged in its volume, in the build that meets it", async () => {
    const tiny = await pushTinyImage(stack.upstreamPort);
    await pullFromCache(tiny);
    const folder = `/var/lib/registry/docker/registry/v2/blobs/sha256`;
    for (const digest of [tiny.layer, tiny.config]) {
      const file = `${folder}/${digest.slice(7, 9)}/${digest.slice(7)}/data`;
      const damage = `printf damaged | dd of=${file} bs=1 seek=40 conv=notrunc`;
      await stack.docker("exec", "--user", "nobody", cacheName, "sh", "-c", damage);
    }
    assert.equal((await badBlobs()).length, 2);
    await build(tiny);
    assert.deepEqual(await badBlobs(), []);
    await pullFromCache(tiny);
  });
});
