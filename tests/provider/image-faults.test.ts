import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { readHistory } from "../../lib/images/history.ts";
import { image } from "../../provider/image.ts";
import { useImageProject, type Inputs } from "./image-project.ts";

describe("the resource Image when something goes wrong", function () {
  this.timeout(120_000);
  const project = useImageProject("faults");
  const { write, definition, inputsOf, session, both, createBoth, idOf, lastEvent } = project;

  it("leaves tags and state alone when the smoke test fails, and tries it again next time", async () => {
    const { app } = await createBoth();
    const first = await idOf("app:1");
    write("app/src/main.sh", "echo broken >&2; exit 7\n");
    const inputs = (await both()).app!;
    const failing = () => image.update("id", "urn", app, inputs, session());
    await assert.rejects(
      failing,
      /smoke test of image "app" failed with exit code 7: sh \/smoke-test\/check.sh\n {2}broken\n/,
    );
    assert.equal(await idOf("app:1"), first);
    assert.ok(await idOf(inputs.reference), "the new image stays under its hash reference");
    assert.equal((await lastEvent()).result, "failed");
    await assert.rejects(failing, /exit code 7/);
    assert.deepEqual(await (await project.test.engine.client()).listContainers({ all: true }), []);
  });

  it("names the step, the line and the output of a failing build", async () => {
    write("base/Dockerfile", "FROM busybox:1\nCOPY a.txt /\nRUN echo the reason; exit 3\n");
    const { base } = await inputsOf([definition("base")]);
    await assert.rejects(image.create("urn", base!, session()), (error: Error) => {
      assert.match(
        error.message,
        /^image "base" does not build: \S+base\/Dockerfile:3: \[\d\/3\] RUN echo the reason; exit 3\n {2}the reason\n.*exit code: 3$/s,
      );
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
    assert.deepEqual(await (await project.test.engine.client()).listContainers({ all: true }), []);
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
    const took = Date.now() - stopped;
    console.log(`      stopped in ${took} ms`);
    assert.ok(stopped > 0 && took < 30_000, `took ${took} ms: it ran to its end`); // which would be 100 s
  }

  it("stops a build that shows no progress", async () => {
    write("base/Dockerfile", "FROM busybox:1\nRUN sleep 100\n");
    const inputs = (await inputsOf([definition("base")])).base!;
    await assert.rejects(
      image.create("urn", { ...inputs, idleMinutes: 0.05 }, session()),
      /showed no progress for 0.05 minutes/,
    );
  });

  it("refuses an unset secret in check where the hash changes, and before the build", async () => {
    write(
      "base/Dockerfile",
      "FROM busybox:1\nRUN --mount=type=secret,id=tok cat /run/secrets/tok > /length\n",
    );
    process.env.GBH_TEST_TOKEN = "hidden-value";
    const inputs = (await inputsOf([definition("base", { secrets: { tok: { env: "GBH_TEST_TOKEN" } } })]))
      .base!;
    delete process.env.GBH_TEST_TOKEN;
    const message =
      'image "base": the build secret "tok" comes from the variable GBH_TEST_TOKEN, which is not set; export GBH_TEST_TOKEN=… and run again';
    assert.deepEqual((await image.check("urn", undefined, inputs)).failures, [
      { property: "build.secrets", reason: message },
    ]);
    assert.deepEqual((await image.check("urn", inputs, inputs)).failures, []);
    await assert.rejects(image.create("urn", inputs, session()), { message });
    process.env.GBH_TEST_TOKEN = "hidden-value";
    const { outs } = await image.create("urn", inputs, session());
    delete process.env.GBH_TEST_TOKEN;
    assert.ok(
      !JSON.stringify([outs, await readHistory(join(project.test.folder, "state"), "dev")]).includes(
        "hidden-value",
      ),
    );
  });

  it("does not hang on a cache that takes connections and says nothing", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    try {
      const { base } = await inputsOf([definition("base")]);
      base!.build.pins = {
        "busybox:1": base!.build.pins["busybox:1"]!.replace(project.registry.address, address),
      };
      await assert.rejects(
        image.create("urn", base!, session()),
        /takes connections but does not answer; restart/,
      );
    } finally {
      silent.close();
    }
  });

  it("never asks a registry for a parent that is not there", async () => {
    const inputs = await both();
    await assert.rejects(
      image.create("urn", inputs.app!, session()),
      /"app" builds on base:1, but localhost:1\/dev\/base:\S+ is not on this engine; build base:1 first/,
    );
  });

  it("says in one line that the engine is down", async () => {
    const { base } = await createBoth();
    const down = { ...base, dockerHost: "unix:///run/gbh-no-such-engine.sock" };
    await assert.rejects(image.read("id", "urn", down), {
      message:
        "the Docker Engine at unix:///run/gbh-no-such-engine.sock does not answer (ENOENT); start it and run again",
    });
  });

  it("says in one line that docker or docker-buildx is missing", async () => {
    const inputs = (await inputsOf([definition("base")])).base!;
    const { PATH, DOCKER_CONFIG } = process.env;
    try {
      process.env.PATH = "/nowhere";
      await assert.rejects(
        image.create("urn", inputs, session()),
        /the docker command is not on PATH; install docker-cli and docker-buildx$/,
      );
      process.env.PATH = PATH;
      process.env.DOCKER_CONFIG = join(project.test.folder, "no-plugins");
      const error = await image.create("urn", inputs, session()).then(
        () => undefined,
        (error: Error) => error,
      );
      // Where the machine has the plugin in a system folder there is nothing to miss.
      if (error) assert.match(error.message, /install docker-buildx$/);
    } finally {
      Object.assign(process.env, { PATH, DOCKER_CONFIG });
    }
  });

  it("goes back to an earlier version only while it is there", async () => {
    const { base } = await createBoth();
    const pinned = { ...(await both()).base!, reference: base.reference, hash: base.hash };
    pinned.build = { ...pinned.build, mustExist: true };
    await image.update("id", "urn", base, pinned, session());
    const gone = { ...pinned, reference: `${base.reference}0`, hash: `${base.hash}0` };
    await assert.rejects(
      image.create("urn", gone, session()),
      /is not on this engine any more, so there is nothing to go back to; remove the pin/,
    );
  });
});
