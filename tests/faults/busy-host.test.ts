import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { engineAt } from "../../lib/docker/engine.ts";
import { Project, smallBase } from "../integration/project.ts";
import { BackgroundRun, until } from "./background-run.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";

describe("a host on which more is going on", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  let version = 0;
  const pulumiFolder = (kind: string) => join(project.root, ".sandbox/pulumi/.pulumi", kind);
  const facts = () =>
    JSON.parse(project.read(".sandbox/facts.json")) as { dockerHost: string; upstream: string };
  const enginePid = () =>
    Number(readFileSync(facts().dockerHost.replace(/^unix:\/\/(.*)\.sock$/, "$1.pid"), "utf8"));

  before(async () => {
    project = new Project({ services: { app: { context: "app" } } });
    project.write("app/Dockerfile", "FROM cuda-base:runtime-12.6\nCOPY version /version\nRUN sleep 1\n");
    nextVersion();
    await project.start();
  });
  after(() => project.remove());

  function nextVersion(): void {
    version += 1;
    project.write("app/version", `${version}\n`);
  }

  async function recovers(run: BackgroundRun): Promise<void> {
    const { exitCode, output } = await project.run("start");
    assert.equal(exitCode, 0, output);
    assert.deepEqual(run.processes(), []);
    assert.deepEqual(await project.preview(), []);
  }

  describe("two starts of one stack at the same instant", () => {
    /** Updates that Pulumi has made of the stack. */
    const updates = () =>
      readdirSync(pulumiFolder("history/gpu-build-host/sandbox")).filter((name) =>
        name.endsWith(".history.json"),
      ).length;

    for (let round = 1; round <= 2; round += 1) {
      it(`work one after the other, or the second names the first (${round} of 2)`, async () => {
        nextVersion();
        const before = updates();
        const runs = [new BackgroundRun(project), new BackgroundRun(project)];
        const results = await Promise.all(runs.map(({ ended }) => ended));
        const winners = results.filter(({ exitCode }) => exitCode === 0);
        console.log(`        ${winners.length} of 2 went through`);
        assert.ok(winners.length > 0, results.map(({ output }) => output).join("\n"));
        assert.equal(updates() - before, winners.length);
        for (const { output } of results.filter(({ exitCode }) => exitCode !== 0)) {
          assert.match(
            output,
            /gave up after 2 s waiting for the lock "the stack sandbox in .*": process \d+ of stack "sandbox" has it since \S+; let it finish, then run again/,
          );
          assert.doesNotMatch(output, /currently locked/);
        }
        assert.deepEqual(await project.preview(), []);
      });
    }
  });

  describe("an engine that is stopped for some seconds", () => {
    it("is waited for, and not replaced", async () => {
      const pid = enginePid();
      process.kill(pid, "SIGSTOP");
      const run = new BackgroundRun(project);
      await sleep(6_000);
      process.kill(pid, "SIGCONT");
      const { exitCode, output } = await run.ended;
      assert.equal(exitCode, 0, output);
      assert.equal(enginePid(), pid);
      assert.match(output, /\n0 changed \(/);
    });

    it("holds a build up, and no more", async () => {
      nextVersion();
      const pid = enginePid();
      const run = new BackgroundRun(project);
      await run.process(/buildx/);
      process.kill(pid, "SIGSTOP");
      await sleep(6_000);
      process.kill(pid, "SIGCONT");
      const { exitCode, output } = await run.ended;
      assert.equal(exitCode, 0, output);
      await recovers(run);
    });

    it("is told in one line by a stack that does not own it", async () => {
      const { dockerHost, upstream } = facts();
      project.configure("dev", {
        engine: { host: dockerHost, network: "host" },
        registryCache: { upstream },
        cudaBase: { cuda: "12.6", image: smallBase },
      });
      const pid = enginePid();
      process.kill(pid, "SIGSTOP");
      try {
        const { exitCode, output } = await project.run("start", "--stack", "dev", "--built-toolchain");
        assert.equal(exitCode, 1, output);
        assert.match(
          output,
          /^\nthe Docker Engine at unix:\S+ does not answer \(nothing in \d+ s\): it is stopped or very busy; look at its log, then run again$/,
        );
        await assert.rejects(
          engineAt(dockerHost).ask({ path: "/containers/json", timeoutMs: 500 }),
          /does not answer \(nothing in 0\.5 s\)/,
        );
      } finally {
        process.kill(pid, "SIGCONT");
      }
      assert.deepEqual(await project.preview(), []);
    });
  });

  describe("an upstream that stands still in a pull", () => {
    it("does not keep Ctrl-C from stopping the run", async () => {
      const image = await project.docker("inspect", "--format={{.Config.Image}}", cacheName);
      await project.docker("rm", "--force", cacheName);
      await project.docker("image", "rm", "--force", image);
      const { pid: upstream } = JSON.parse(project.read(".sandbox/upstream/process.json")) as { pid: number };
      const run = new BackgroundRun(project);
      await run.process(/^\S*\/pulumi up /);
      process.kill(upstream, "SIGSTOP");
      try {
        await until("the pull", () => /registry-cache-image/.test(run.output) || undefined);
        run.signal("SIGINT");
        const started = Date.now();
        const { exitCode, output } = await run.ended;
        console.log(`        ended after ${Date.now() - started} ms`);
        assert.notEqual(exitCode, 0);
        assert.match(output, /Stopped\. Nothing is left half done: run the same command again to go on\./);
        assert.deepEqual(run.processes(), []);
        const locks = pulumiFolder("locks/organization/gpu-build-host/sandbox");
        assert.deepEqual(existsSync(locks) ? readdirSync(locks) : [], []);
      } finally {
        process.kill(upstream, "SIGCONT");
      }
      await recovers(run);
    });
  });
});
