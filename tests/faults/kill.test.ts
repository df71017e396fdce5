import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Project } from "../integration/project.ts";
import { BackgroundRun, until } from "./background-run.ts";
import { Gate } from "./gate.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";

describe("a run that is cut off", function () {
  this.timeout(10 * 60_000);
  const gate = new Gate();
  let project: Project;
  let version = 0;

  before(async () => {
    const port = await gate.listen();
    gate.open();
    project = new Project({ services: { slow: { context: "slow", args: { GATE: `127.0.0.1:${port}` } } } });
    project.write(
      "slow/Dockerfile",
      "FROM cuda-base:runtime-12.6\nARG GATE\nCOPY version /version\nRUN wget -q -O /dev/null http://$GATE/\n",
    );
    nextVersion();
    await project.start();
  });
  after(async () => {
    await gate.end();
    await project.remove();
  });

  /** A change of the service's code: the next run has to build. */
  function nextVersion(): void {
    version += 1;
    project.write("slow/version", `${version}\n`);
  }

  /** A run whose build is held at the gate. */
  async function heldBuild(): Promise<BackgroundRun> {
    gate.close();
    nextVersion();
    const run = new BackgroundRun(project);
    await Promise.race([gate.arrival(), run.ended.then(({ output }) => assert.fail(`it ended:\n${output}`))]);
    return run;
  }

  /** One `npm start` makes all good, and nothing of the run is left. */
  async function recovers(run: BackgroundRun): Promise<void> {
    gate.open();
    const { output, exitCode } = await project.run("start");
    assert.equal(exitCode, 0, output);
    assert.deepEqual(run.processes(), [], "processes of the run are left");
    assert.deepEqual(await project.preview(), []);
    assert.equal(await project.docker("ps", "--all", "--format={{.Names}}"), cacheName);
    assert.equal(
      await project.docker("run", "--rm", "--network=none", "--entrypoint=cat", "slow:cu126", "/version"),
      String(version),
    );
  }

  describe("with SIGKILL of everything", () => {
    it("converges after a kill while the cache's container is created", async () => {
      await project.docker("rm", "--force", cacheName);
      const run = new BackgroundRun(project);
      await until("the container", async () => (await project.docker("ps", "--all", "--quiet")) || undefined);
      await run.kill();
      await recovers(run);
    });

    it("converges after a kill in a build", async () => {
      const run = await heldBuild();
      await run.kill();
      await until("the end of the build", () => gate.isEmpty || undefined);
      await recovers(run);
    });

    it("converges after a kill in the daemon's step", async () => {
      const file = join(project.root, ".sandbox", "daemon.json");
      writeFileSync(file, "{}\n");
      const written = statSync(file).ino;
      const run = new BackgroundRun(project);
      await until("the new daemon.json", () => statSync(file).ino !== written || undefined);
      await run.kill();
      await recovers(run);
    });

    it("converges after a kill in destroy", async () => {
      const run = new BackgroundRun(project, "destroy");
      const images = () => project.docker("image", "ls", "--quiet", "slow");
      await until("the first image to go", async () => (await images()) === "" || undefined);
      await run.kill();
      await recovers(run);
    });
  });

  describe("with SIGKILL of one process", () => {
    it("says that Pulumi was killed, leaves nothing running, and goes on", async () => {
      const run = await heldBuild();
      process.kill(await run.process(/^\S*\/pulumi up /), "SIGKILL");
      const { exitCode, output } = await run.ended;
      assert.notEqual(exitCode, 0);
      assert.match(
        output,
        /Pulumi was killed from outside \(SIGKILL\)\. Run the same command again to go on\./,
      );
      assert.deepEqual(run.processes(), []);
      await recovers(run);
    });

    it("says that the provider was killed, and goes on", async () => {
      const run = await heldBuild();
      process.kill(await run.process(/provider\.mjs 127/), "SIGKILL");
      const { exitCode, output } = await run.ended;
      assert.notEqual(exitCode, 0);
      assert.match(output, /slow: the provider of this project ended in the middle of its work/);
      assert.doesNotMatch(output, /bug in the provider|EOF/);
      assert.deepEqual(run.processes(), []);
      await recovers(run);
    });
  });

  describe("with a signal of the terminal", () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      it(`stops a build at once on ${signal}, says so, and goes on with the next start`, async () => {
        const run = await heldBuild();
        run.signal(signal);
        const stopping = milliseconds(() => run.ended);
        const { exitCode, output } = await run.ended;
        console.log(`        ended after ${await stopping} ms`);
        assert.notEqual(exitCode, 0);
        assert.match(output, /Stopped\. Nothing is left half done: run the same command again to go on\./);
        assert.doesNotMatch(output, /context canceled|\n\s+at /);
        await until("the end of the build", () => gate.isEmpty || undefined);
        assert.deepEqual(run.processes(), []);
        await recovers(run);
      });
    }

    it("stops when the terminal is closed", async () => {
      const run = await heldBuild();
      run.closeOutput();
      run.signal("SIGHUP");
      await until("the end of all processes", () => run.processes().length === 0 || undefined);
      await until("the end of the build", () => gate.isEmpty || undefined);
      await recovers(run);
    });
  });
});

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = Date.now();
  await work();
  return Date.now() - start;
}
