import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { readHistory } from "../../lib/images/history.ts";
import { planImages } from "../../lib/images/plan.ts";
import type { ImageDefinition, ImagePlan } from "../../lib/images/types.ts";
import { image, type ImageState } from "../../provider/image.ts";
import type { Session } from "../../provider/resource-handler.ts";
import { serveBusybox, type BusyboxRegistry } from "../images/busybox-registry.ts";
import { startTestEngine, type TestEngine } from "../images/test-engine.ts";

type Inputs = Parameters<typeof image.create>[1];

describe("the resource Image on an engine", function () {
  this.timeout(120_000);
  let test: TestEngine;
  let registry: BusyboxRegistry;
  let folder: string;

  before(async () => {
    test = await startTestEngine("image");
    registry = await serveBusybox(["1"]);
  });
  after(async () => {
    await registry?.stop();
    await test?.stop();
  });
  beforeEach(async () => {
    folder = join(test.folder, "project");
    rmSync(folder, { recursive: true, force: true });
    await wipe();
    write("base/Dockerfile", "FROM busybox:1\nARG REBUILD\nCOPY a.txt /a.txt\nRUN cat /a.txt\n");
    write("base/a.txt", "a\n");
    write("app/Dockerfile", "FROM base:1\nCOPY src /src\nRUN cat /src/*\n");
    write("app/src/main.sh", "echo fine\n");
    write("smoke/check.sh", "sh /src/main.sh\n");
  });

  function write(path: string, text: string): void {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }

  /** Removes every image and container, and what the ledger says. */
  async function wipe(): Promise<void> {
    const docker = await test.engine.client();
    for (const { Id } of await docker.listContainers({ all: true })) await docker.getContainer(Id).remove({ force: true });
    for (const { Id } of await docker.listImages()) await docker.getImage(Id).remove({ force: true });
    rmSync(join(test.folder, "state"), { recursive: true, force: true });
  }

  function definition(name: string, further: Partial<ImageDefinition> = {}): ImageDefinition {
    const common = { dockerfile: "Dockerfile", args: {}, contexts: {}, secrets: {}, network: "host" as const };
    return { ...common, name, context: join(folder, name), tags: [`${name}:1`], rebuild: { count: 0, noCache: false }, ...further };
  }

  async function inputsOf(definitions: ImageDefinition[], stack = "dev", variant?: string): Promise<Record<string, Inputs>> {
    const plans = await planImages(definitions, {
      stack,
      ...(variant && { variant }),
      cacheAddress: registry.address,
      digests: { digestOf: async () => registry.digests["1"]! },
      stateDir: join(test.folder, "state"),
    });
    return Object.fromEntries(await Promise.all(plans.map(async (plan) => [plan.name, await checked(plan, stack)])));
  }

  async function checked({ reference, tags, hash, parts, smokeTest, ...build }: ImagePlan, stack: string): Promise<Inputs> {
    const stateDir = join(test.folder, "state");
    const news = { stack, dockerHost: test.dockerHost, stateDir, keep: 3, reference, tags, hash, parts, ...(smokeTest && { smokeTest }), build };
    const { inputs, failures } = await image.check("urn", undefined, news);
    assert.deepEqual(failures, []);
    return inputs;
  }

  const said: string[] = [];
  function session(signal = new AbortController().signal): Session {
    said.length = 0;
    return { signal, log: async (message) => void said.push(message) };
  }

  const smokeTest = () => ({ command: ["sh", "/smoke-test/check.sh"], folder: join(folder, "smoke"), timeoutSeconds: 20 });
  const both = () => inputsOf([definition("app", { smokeTest: smokeTest() }), definition("base")]);
  async function createBoth(): Promise<{ base: ImageState; app: ImageState }> {
    const inputs = await both();
    const base = (await image.create("urn", inputs.base!, session())).outs;
    return { base, app: (await image.create("urn", inputs.app!, session())).outs };
  }
  const read = async (state: ImageState) => (await image.read("id", "urn", state))?.props;
  const changes = async (state: ImageState, inputs: Inputs) => Object.keys((await image.diff("id", "urn", state, inputs)).detailedDiff ?? {});
  const idOf = async (name: string) => (await test.engine.image(name))?.id;
  const lastEvent = async () => (await readHistory(join(test.folder, "state"), "dev")).at(-1)!;

  it("builds parents and children, publishes the friendly tags, and then finds nothing to do", async () => {
    const { base, app } = await createBoth();
    assert.equal(await idOf("app:1"), await idOf(app.reference));
    assert.deepEqual(app.live, { "app:1": "this image", layers: "on its base" });
    const inputs = await both();
    assert.deepEqual(await changes((await read(base))!, inputs.base!), []);
    assert.deepEqual(await changes((await read(app))!, inputs.app!), []);
    assert.equal((await lastEvent()).smokeGpu, false);
    assert.ok(said.some((line) => /^\[.*2\/3\] RUN cat \/src\/\* \(\d+ s\)$/.test(line)), said.join("\n"));
    assert.ok(said.includes("smoke test without a GPU (this engine has none)"));
  });

  it("says which part changed, and reuses an earlier content without building", async () => {
    const { app } = await createBoth();
    const first = await idOf("app:1");
    write("app/src/main.sh", "echo changed\n");
    const changed = (await both()).app!;
    assert.deepEqual(await changes(app, changed), ["hash", "reference", "parts"]);
    const { outs } = await image.update("id", "urn", app, changed, session());
    assert.deepEqual((await lastEvent()).reasons, ["file src/main.sh"]);
    assert.notEqual(await idOf("app:1"), first);
    write("app/src/main.sh", "echo fine\n");
    await image.update("id", "urn", outs, (await both()).app!, session());
    assert.equal(await idOf("app:1"), first);
    assert.equal((await lastEvent()).result, "reused");
    assert.ok(said.includes("already built: reused"));
  });

  it("takes no notice of another clone or another cache address", async () => {
    const { app } = await createBoth();
    await execa("cp", ["-a", join(folder, "app"), join(folder, "elsewhere")]);
    const moved = (await inputsOf([definition("app", { context: join(folder, "elsewhere"), smokeTest: smokeTest() }), definition("base")])).app!;
    moved.build.pins = { "base:1": "docker-image://127.0.0.1:1/base" };
    assert.deepEqual(await changes(app, moved), []);
  });

  it("shows a moved and a removed friendly tag, and puts them back", async () => {
    const { base, app } = await createBoth();
    await test.engine.tag(base.reference, "app:1");
    const drifted = (await read(app))!;
    assert.match(drifted.live["app:1"]!, /^moved to [0-9a-f]{12}$/);
    const inputs = (await both()).app!;
    assert.deepEqual(await changes(drifted, inputs), ["live"]);
    await image.update("id", "urn", drifted, inputs, session());
    assert.equal(await idOf("app:1"), await idOf(app.reference));
    assert.equal((await lastEvent()).result, "tagged");
    await test.engine.untag("app:1");
    assert.equal((await read(app))!.live["app:1"], "missing");
    await image.update("id", "urn", app, inputs, session());
    assert.equal(await idOf("app:1"), await idOf(app.reference));
  });

  it("reports a vanished image as gone, and children on other layers than their base", async () => {
    const { base, app } = await createBoth();
    await test.engine.untag(app.reference);
    assert.equal(await read(app), undefined);
    const recreated = (await image.create("urn", (await both()).app!, session())).outs;
    assert.deepEqual((await lastEvent()).reasons, ["it was gone from the engine"]);
    // The same hash with other layers, as after a loss together with the build cache.
    write("other/Dockerfile", "FROM busybox:1\nRUN echo other > /other\n");
    await execa("docker", ["build", "--network", "host", "--build-context", `busybox:1=docker-image://${registry.address}/library/busybox@${registry.digests["1"]}`, "--tag", base.reference, join(folder, "other")]);
    const drifted = (await read(recreated))!;
    assert.equal(drifted.live.layers, "on other layers than its base");
    await image.update("id", "urn", drifted, (await both()).app!, session());
    assert.equal((await lastEvent()).result, "built");
    assert.deepEqual((await lastEvent()).reasons, ["its base was rebuilt with other layers"]);
    assert.equal((await read(recreated))!.live.layers, "on its base");
  });

  it("leaves tags and state alone when the smoke test fails, and tries it again next time", async () => {
    const { app } = await createBoth();
    const first = await idOf("app:1");
    write("app/src/main.sh", "echo broken >&2; exit 7\n");
    const inputs = (await both()).app!;
    const failing = () => image.update("id", "urn", app, inputs, session());
    await assert.rejects(failing, /smoke test of image "app" failed with exit code 7: sh \/smoke-test\/check.sh\n {2}broken\n/);
    assert.equal(await idOf("app:1"), first);
    assert.ok(await idOf(inputs.reference), "the new image stays under its hash reference");
    assert.equal((await lastEvent()).result, "failed");
    await assert.rejects(failing, /exit code 7/);
    assert.deepEqual(await (await test.engine.client()).listContainers({ all: true }), []);
  });

  it("names the step, the line and the output of a failing build", async () => {
    write("base/Dockerfile", "FROM busybox:1\nCOPY a.txt /\nRUN echo the reason; exit 3\n");
    const { base } = await inputsOf([definition("base")]);
    await assert.rejects(image.create("urn", base!, session()), (error: Error) => {
      assert.match(error.message, /^image "base" does not build: \S+base\/Dockerfile:3: \[\d\/3\] RUN echo the reason; exit 3\n {2}the reason\n.*exit code: 3$/s);
      return true;
    });
  });

  it("stops a build and a smoke test within a second, leaving nothing", async () => {
    write("base/Dockerfile", "FROM busybox:1\nRUN sleep 100.25\n");
    await assertStops((await inputsOf([definition("base")])).base!, "RUN sleep");
    write("base/Dockerfile", "FROM busybox:1\n");
    const slow = definition("base", { smokeTest: { command: ["sleep", "100.25"], timeoutSeconds: 100 } });
    await assertStops((await inputsOf([slow])).base!, "smoke test");
    assert.equal(await idOf("base:1"), undefined);
    assert.deepEqual(await (await test.engine.client()).listContainers({ all: true }), []);
    const { stdout } = await execa("ps", ["-eo", "args"]);
    assert.equal(stdout.split("\n").filter((line) => /^sleep 100\.25/.test(line)).length, 0);
  });

  async function assertStops(inputs: Inputs, when: string): Promise<void> {
    const abort = new AbortController();
    const own = session(abort.signal);
    let stopped = 0;
    own.log = async (message) => {
      if (!message.includes(when)) return;
      setTimeout(() => {
        stopped = Date.now();
        abort.abort();
      }, 300);
    };
    await assert.rejects(image.create("urn", inputs, own), /was stopped/);
    assert.ok(stopped > 0 && Date.now() - stopped < 1500, `took ${Date.now() - stopped} ms`); // a second, and the machine's own slowness
  }

  it("stops a build that shows no progress", async () => {
    write("base/Dockerfile", "FROM busybox:1\nRUN sleep 100\n");
    const inputs = (await inputsOf([definition("base")])).base!;
    await assert.rejects(image.create("urn", { ...inputs, idleMinutes: 0.05 }, session()), /showed no progress for 0.05 minutes/);
  });

  it("refuses an unset secret in check where the hash changes, and before the build", async () => {
    write("base/Dockerfile", "FROM busybox:1\nRUN --mount=type=secret,id=tok cat /run/secrets/tok > /length\n");
    process.env.GBH_TEST_TOKEN = "hidden-value";
    const inputs = (await inputsOf([definition("base", { secrets: { tok: { env: "GBH_TEST_TOKEN" } } })])).base!;
    delete process.env.GBH_TEST_TOKEN;
    const message = 'image "base": the build secret "tok" comes from the variable GBH_TEST_TOKEN, which is not set; export GBH_TEST_TOKEN=… and run again';
    assert.deepEqual((await image.check("urn", undefined, inputs)).failures, [{ property: "build.secrets", reason: message }]);
    assert.deepEqual((await image.check("urn", inputs, inputs)).failures, []);
    await assert.rejects(image.create("urn", inputs, session()), { message });
    process.env.GBH_TEST_TOKEN = "hidden-value";
    const { outs } = await image.create("urn", inputs, session());
    delete process.env.GBH_TEST_TOKEN;
    assert.ok(!JSON.stringify([outs, await readHistory(join(test.folder, "state"), "dev")]).includes("hidden-value"));
  });

  it("never asks a registry for a parent that is not there", async () => {
    const inputs = await both();
    await assert.rejects(image.create("urn", inputs.app!, session()), /"app" builds on base:1, but localhost:1\/dev\/base:\S+ is not on this engine; build base:1 first/);
  });

  it("keeps the newest versions, and what a container uses", async () => {
    let { base } = await createBoth();
    const references = [base.reference];
    await execa("docker", ["create", "--name", "user", base.reference, "true"]);
    for (const text of ["b", "c", "d", "e"]) {
      write("base/a.txt", text);
      const inputs = { ...(await both()).base!, keep: 2 };
      base = (await image.update("id", "urn", base, inputs, session())).outs;
      references.push(base.reference);
    }
    const left = (await test.engine.names("localhost:1/dev/base:*")).map(({ name }) => name);
    assert.deepEqual(left.sort(), [references[0]!, references[3]!, references[4]!].sort());
    assert.ok(said.some((line) => line.includes(references[0]!) && line.includes("used by user (created)")), said.join("\n"));
  });

  it("forces a rebuild by a counter, with the argument REBUILD where it is declared", async () => {
    const { base } = await createBoth();
    const again = definition("base", { rebuild: { count: 1, noCache: true } });
    const inputs = (await inputsOf([again])).base!;
    assert.equal(inputs.build.args.REBUILD, "1");
    await image.update("id", "urn", base, inputs, session());
    assert.ok(!said.some((line) => line.includes("without cache")));
    write("app/Dockerfile", "FROM busybox:1\nRUN echo hi\n");
    const plain = (await inputsOf([definition("app", { rebuild: { count: 1, noCache: true } })])).app!;
    await image.create("urn", plain, session());
    assert.ok(said.some((line) => line.includes("the cache mounts of this Dockerfile are emptied too")));
  });

  describe("friendly tags that others have", () => {
    beforeEach(async () => {
      const { base } = await createBoth();
      write("foreign/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
      await execa("docker", ["build", "--tag", "mine:1", join(folder, "foreign")]);
      void base;
    });

    it("are refused with the owner's name, and variant makes room", async () => {
      const other = (await inputsOf([definition("base")], "second")).base!;
      await assert.rejects(image.create("urn", other, session()), /the tag base:1 belongs to stack "dev" on this engine.*variant NAME/);
      rmSync(join(test.folder, "state", "engines"), { recursive: true }); // the ledger is lost: names on the engine tell
      await test.engine.untag(other.reference);
      write("base/a.txt", "another content\n");
      const changed = (await inputsOf([definition("base")], "second")).base!;
      await assert.rejects(image.create("urn", changed, session()), /belongs to stack "dev"/);
      const roomy = (await inputsOf([definition("base")], "second", "second")).base!;
      await image.create("urn", roomy, session());
      assert.ok(await idOf("base:1-second"));
      await image.delete("id", "urn", { ...roomy, live: {} }, session());
      assert.equal(await idOf("base:1-second"), undefined);
      assert.ok(await idOf("base:1"), "the other stack's tag stays");
    });

    it("are adopted only if asked, and given back", async () => {
      const foreign = await idOf("mine:1");
      const inputs = (await inputsOf([definition("base", { tags: ["mine:1"] })])).base!;
      await assert.rejects(image.create("urn", inputs, session()), /the tag mine:1 is on an image that no stack made/);
      const { outs } = await image.create("urn", { ...inputs, adoptTags: true }, session());
      assert.equal(await idOf("mine:1"), await idOf(outs.reference));
      await image.delete("id", "urn", outs, session());
      assert.equal(await idOf("mine:1"), foreign);
      assert.deepEqual(await test.engine.names("localhost:1/dev/former/*"), []);
    });
  });

  it("takes all its names away on delete, and leaves and names what a container uses", async () => {
    const { base, app } = await createBoth();
    await execa("docker", ["create", "--name", "user", base.reference, "true"]);
    await image.delete("id", "urn", app, session());
    assert.equal(await idOf("app:1"), undefined);
    await image.delete("id", "urn", base, session());
    assert.ok(said.some((line) => /left on the engine: .*used by user/.test(line)), said.join("\n"));
    await execa("docker", ["rm", "user"]);
    await image.delete("id", "urn", base, session());
    assert.deepEqual((await (await test.engine.client()).listImages()).flatMap(({ RepoTags }) => RepoTags ?? []), []);
  });

  it("says in one line that the engine is down", async () => {
    const { base } = await createBoth();
    const down = { ...base, dockerHost: "unix:///run/gbh-no-such-engine.sock" };
    await assert.rejects(image.read("id", "urn", down), { message: "the Docker Engine at unix:///run/gbh-no-such-engine.sock does not answer (ENOENT); start it and run again" });
  });

  it("reads and compares 100 images in under 40 ms each", async () => {
    const { app } = await createBoth();
    const inputs = (await both()).app!;
    const begin = performance.now();
    for (let count = 0; count < 100; count++) assert.deepEqual(await changes((await read(app))!, inputs), []);
    const each = (performance.now() - begin) / 100;
    console.log(`      ${each.toFixed(1)} ms an image`);
    assert.ok(each < 40, `${each} ms`);
  });

  it("lists a mode change", async () => {
    const { app } = await createBoth();
    chmodSync(join(folder, "app/src/main.sh"), 0o755);
    assert.deepEqual(await changes(app, (await both()).app!), ["hash", "reference", "parts"]);
  });
});
