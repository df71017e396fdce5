import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../lib/errors.ts";
import { startEngine, stopEngine, type Engine } from "../../sandbox/engine.ts";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { makeStandIn } from "../../sandbox/stand-in-image.ts";
import { registryStandIn } from "../../sandbox/stand-in-registry.ts";
import { canRunEngine, scratchFolder } from "./scratch.ts";
import { tracesOf } from "./traces.ts";

describe("the private engine", function () {
  this.timeout(180_000);
  let scratch: ReturnType<typeof scratchFolder>;
  let root: string;
  let image: string;

  before(async function () {
    if (!canRunEngine) this.skip();
    image = (await makeStandIn(registryStandIn("registry:3.1.1"))).layer.file;
  });
  beforeEach(() => {
    scratch = scratchFolder();
    root = join(scratch.path, ".sandbox");
  });
  afterEach(async () => {
    await stopEngine(root);
    scratch.remove();
  });

  const docker = async (engine: Engine, ...args: string[]) =>
    (await execa("docker", args, { env: engine.env })).stdout;

  async function runContainer(engine: Engine, name: string): Promise<void> {
    await docker(engine, "import", image, "box");
    await docker(
      engine,
      "run",
      "--detach",
      "--name",
      name,
      "--network",
      "host",
      "--init",
      "box",
      "sleep",
      "600",
    );
  }

  it("starts once, runs containers, builds and plugins, and leaves nothing when it stops", async () => {
    const engine = await startEngine({ root, mirrors: ["http://127.0.0.1:9"] });
    assert.equal(engine.reused, false);
    assert.equal((await startEngine({ root })).pid, engine.pid);
    assert.match(
      await docker(engine, "info", "--format", "{{.Driver}} {{.RegistryConfig.Mirrors}}"),
      /^overlay2 \[http:\/\/127.0.0.1:9/,
    );
    await runContainer(engine, "one");
    const folder = join(scratch.path, "context");
    await execa("mkdir", [folder]);
    writeFileSync(join(folder, "Dockerfile"), "FROM box\nRUN echo built > /result\n");
    await docker(engine, "buildx", "build", "--network", "host", "--tag", "built", folder);
    assert.equal(
      await docker(engine, "run", "--rm", "--network", "host", "built", "cat", "/result"),
      "built",
    );
    assert.match(await docker(engine, "compose", "version"), /v?2\./);
    // A folder of the host, made after the start, is visible in a bind mount; no mount of the engine is visible outside.
    writeFileSync(join(folder, "later"), "seen");
    assert.equal(
      await docker(
        engine,
        "run",
        "--rm",
        "--network",
        "host",
        "--volume",
        `${folder}:/in:ro`,
        "box",
        "cat",
        "/in/later",
      ),
      "seen",
    );
    assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(root));
    const link = `br-${(await docker(engine, "network", "create", "net")).slice(0, 12)}`;
    assert.ok(existsSync(`/sys/class/net/${link}`));

    await stopEngine(root);
    assert.deepEqual(tracesOf(engine.layout), []);
    assert.ok(!existsSync(`/sys/class/net/${link}`));
    const again = await startEngine({ root });
    assert.match(await docker(again, "images"), /box/);
  });

  it("recovers from a killed dockerd with a container, a stale pid file and a lost run folder", async () => {
    const first = await startEngine({ root });
    await runContainer(first, "one");
    process.kill(first.pid, "SIGKILL");
    const second = await startEngine({ root });
    assert.notEqual(second.pid, first.pid);
    assert.match(await docker(second, "ps", "--all", "--format", "{{.Names}} {{.Status}}"), /^one Exited/);
    await docker(second, "start", "one");

    rmSync(second.layout.runDir, { recursive: true, force: true }); // as if /run had been emptied under it
    const third = await startEngine({ root });
    await docker(third, "start", "one");
    process.kill(third.pid, "SIGKILL");
    await stopEngine(root);
    assert.deepEqual(tracesOf(third.layout), []);
  });

  it("runs beside another one and survives its end", async () => {
    const otherRoot = join(scratch.path, "other");
    try {
      const [one, two] = await Promise.all([
        startEngine({ root }),
        startEngine({ root: otherRoot, imageStore: "containerd" }),
      ]);
      assert.match(await docker(two, "info", "--format", "{{.DriverStatus}}"), /containerd/);
      await stopEngine(root);
      assert.deepEqual(tracesOf(one.layout), []);
      await runContainer(two, "two");
      assert.match(await docker(two, "ps", "--format", "{{.Names}}"), /two/);
    } finally {
      await stopEngine(otherRoot);
    }
    assert.deepEqual(tracesOf(sandboxLayout(otherRoot)), []);
  });

  it("moves with its folder: images and volumes stay, the old engine ends", async () => {
    const old = await startEngine({ root });
    await runContainer(old, "one");
    await docker(old, "volume", "create", "kept");
    const moved = join(scratch.path, "moved");
    await execa("mv", [root, moved]);
    root = moved;
    const engine = await startEngine({ root });
    assert.notEqual(engine.layout.id, old.layout.id);
    assert.deepEqual(tracesOf(old.layout), []);
    assert.match(await docker(engine, "volume", "ls"), /kept/);
    await docker(engine, "run", "--rm", "--network", "host", "box", "true");
    await runContainer(engine, "one");
  });

  it("says in dockerd's words why it does not start, and leaves nothing", async () => {
    const failing = startEngine({ root, flags: ["--storage-opt", "nonsense.option=1"] });
    await assert.rejects(failing, (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^The private dockerd did not start: .*nonsense/);
      return true;
    });
    assert.deepEqual(tracesOf(sandboxLayout(root)), []);
    writeFileSync(sandboxLayout(root).daemonConfig, "{ broken");
    await assert.rejects(startEngine({ root }), /daemon\.json is not valid JSON .*repair it, or delete it/);
  });

  it("starts nothing without enough disk, and ends what it began when told to stop", async () => {
    await assert.rejects(startEngine({ root, freeBytes: 1e18 }), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^Too little disk space at .* free, 1 EB needed/);
      return true;
    });
    assert.ok(!existsSync(root));
    const stop = new AbortController();
    const started = startEngine({
      root,
      signal: stop.signal,
      onStep: ({ detail }) => {
        if (detail?.startsWith("starting dockerd")) setTimeout(() => stop.abort(new Error("stopped")), 150);
      },
    });
    await assert.rejects(started, /stopped/);
    assert.deepEqual(tracesOf(sandboxLayout(root)), []);
  });
});
