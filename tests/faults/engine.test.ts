import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { startEngine, stopEngine } from "../../sandbox/engine.ts";
import { sandboxLayout, type SandboxLayout } from "../../sandbox/layout.ts";
import { Project, type CommandResult } from "../integration/project.ts";
import { BackgroundRun, until } from "./background-run.ts";
import { FaultyUpstream } from "./faulty-upstream.ts";
import { Gate } from "./gate.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";

// The engine's data lie on a small disk of their own.
describe("an engine that fails in the middle of a run", function () {
  this.timeout(5 * 60_000);
  const gate = new Gate();
  const smallDisk = mkdtempSync(join(tmpdir(), "gbh-small-disk-"));
  const lost =
    /^The Docker Engine at \S+ was lost in the middle of this run \(\w+\)\. Start it and run again/m;
  let project: Project;
  let layout: SandboxLayout;
  let upstream: FaultyUpstream | undefined;

  before(async () => {
    const port = await gate.listen();
    gate.open();
    project = new Project({ services: { app: { context: "app", args: { GATE: `127.0.0.1:${port}` } } } });
    layout = sandboxLayout(join(project.root, ".sandbox"));
    // Not below the sandbox, which takes mounts there for left over.
    await execa("mount", ["-t", "tmpfs", "-o", "size=13g", "tmpfs", smallDisk]);
    mkdirSync(layout.root);
    symlinkSync(smallDisk, layout.dataRoot);
    build("first");
    await project.start();
    await execa("mount", ["-o", "remount,size=400m", smallDisk]); // before, npm start would refuse to begin
    upstream = new FaultyUpstream(
      (JSON.parse(project.read(".sandbox/facts.json")) as { upstream: string }).upstream,
    );
    await upstream.arrive();
  });
  after(async () => {
    await gate.end();
    await upstream?.leave();
    await stopEngine(layout.root);
    await project.remove();
    await execa("umount", [smallDisk]);
    rmdirSync(smallDisk);
  });

  /** Something to build that passes the gate. */
  function build(version: string, command = "true"): void {
    const ask = "wget -q -O /dev/null http://$GATE/";
    project.write(
      "app/Dockerfile",
      `FROM cuda-base:runtime-12.6\nARG GATE\nRUN echo ${version} > /version && ${ask} && ${command}\n`,
    );
  }
  const version = () =>
    project.docker("run", "--rm", "--network=none", "--entrypoint=cat", "app:cu126", "/version");
  const killEngine = () => process.kill(Number(readFileSync(layout.pidFile, "utf8")), "SIGKILL");

  /** It fails with words for a person, and the state is whole. */
  async function failed(ended: Promise<CommandResult>, words: RegExp): Promise<void> {
    const { exitCode, output } = await ended;
    assert.notEqual(exitCode, 0, output);
    assert.match(output, words);
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+|panic:/);
    const state = await project.pulumi(["stack", "export", "--stack", "sandbox"]);
    assert.equal(state.exitCode, 0, state.output);
    assert.ok(JSON.parse(state.stdout));
  }
  async function recovers(): Promise<void> {
    await project.start();
    assert.deepEqual(await project.preview(), []);
    assert.equal(
      await project.docker("ps", "--all", "--format={{.Names}} {{.State}}"),
      `${cacheName} running`,
    );
  }

  it("says that the engine is gone when it is killed while the cache's container is made", async () => {
    await project.docker("rm", "--force", cacheName);
    const run = new BackgroundRun(project);
    await until("the container", async () => (await project.docker("ps", "--all", "--quiet")) || undefined);
    killEngine();
    await failed(run.ended, lost);
    await recovers();
  });

  it("says so when it is killed in a build, and moves no tag", async () => {
    gate.close();
    build("second");
    const run = new BackgroundRun(project);
    await gate.arrival();
    killEngine();
    await failed(run.ended, lost);
    await project.run("env"); // starts the engine
    assert.equal(await version(), "first");
    gate.open();
    await recovers();
    assert.equal(await version(), "second");
  });

  it("begins a pull again when the engine was restarted in the middle of it", async () => {
    const image = await project.docker("inspect", "--format={{.Config.Image}}", cacheName);
    await project.docker("rm", "--force", cacheName);
    await project.docker("image", "rm", "--force", image);
    const { "registry-mirrors": mirrors } = JSON.parse(readFileSync(layout.daemonConfig, "utf8")) as Record<
      string,
      string[]
    >;
    await stopEngine(layout.root);
    assert.ok(upstream);
    const { requests, url } = upstream;
    writeFileSync(layout.daemonConfig, JSON.stringify({ "registry-mirrors": [mirrors![0], url] }));
    upstream.breaks("stall", /library\/registry\/blobs\//);
    const run = new BackgroundRun(project);
    await until("the pull", () => requests.some((line) => line.includes("/blobs/")) || undefined);
    await stopEngine(layout.root);
    await startEngine({ root: layout.root });
    await failed(run.ended, /registry-cache-image: /);
    upstream.heal();
    await recovers();
  });

  it("says that the disk is full when a build fills it, promotes nothing, and goes on when there is room", async () => {
    const before = await version();
    build("third", "dd if=/dev/zero of=/zeros bs=1M count=500");
    await failed(
      project.run("start"),
      /image "app" does not build: .*\n.*No space left on device(?:.*\n)*the engine's disk is full: make room/,
    );
    assert.equal(await version(), before);
    build("fourth");
    await recovers();
    assert.equal(await version(), "fourth");
  });

  it("is named, with how to go on, when it is stopped and somebody asks for a preview", async () => {
    await stopEngine(layout.root);
    // Pulumi asks for each resource what became of it before our program runs, so there is a line for each.
    const { exitCode, output } = await project.pulumi(["preview", "--stack", "sandbox"]);
    assert.notEqual(exitCode, 0);
    const line = `error: .*the Docker Engine at ${layout.dockerHost} does not answer \\(ENOENT\\); start it and run again`;
    assert.match(output, new RegExp(line));
    const named = new Set(output.match(/unix:\/\/[^\s;]+sock/g));
    assert.deepEqual([...named], [layout.dockerHost], "no other engine was asked");
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+|panic:/);
    await recovers();
  });
});
