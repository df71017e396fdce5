import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "./free-ports.ts";
import { engineContent } from "./machine.ts";
import { Project, smallBase, type CommandResult } from "./project.ts";

interface Facts {
  dockerHost: string;
  upstream: string;
}

describe("two stacks on one engine", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  let facts: Facts;
  let ports: number[];
  let cleanEngine: string[];
  let cleanDaemonJson: string;
  const daemonJson = () => readFileSync(join(project.root, ".sandbox", "daemon.json"), "utf8");
  const mirrors = () =>
    (JSON.parse(daemonJson()) as { "registry-mirrors"?: string[] })["registry-mirrors"] ?? [];

  before(async () => {
    project = new Project();
    await project.variables(); // starts the engine; the stack "sandbox" itself stays empty
    facts = JSON.parse(project.read(".sandbox/facts.json")) as Facts;
    ports = await freePorts(2);
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo app > /app\n");
    mkdirSync(join(project.root, "state"));
    cleanEngine = await engineContent(project);
    cleanDaemonJson = daemonJson();
    for (const stack of ["a", "b"]) {
      configure(stack);
      const { exitCode, output } = await pulumi("stack", "init", stack);
      assert.equal(exitCode, 0, output);
    }
  });
  after(() => project.remove());

  /** Stack `a` has the first port, stack `b` the second and a variant, unless told otherwise. */
  function configure(
    stack: string,
    cache: Record<string, unknown> = {},
    variant = stack === "b" ? "b" : undefined,
  ): void {
    project.configure(stack, {
      engine: { host: facts.dockerHost, network: "host" },
      registryCache: { port: ports[stack === "a" ? 0 : 1], upstream: facts.upstream, ...cache },
      cudaBase: { cuda: "12.6", image: smallBase },
      services: { app: { context: "services/app" } },
      stateDir: join(project.root, "state"),
      ...(variant && { variant }),
    });
  }

  const backend = () => ({
    PULUMI_BACKEND_URL: `file://${join(project.root, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "",
  });
  const pulumi = (...args: string[]) => project.pulumi(args, backend());
  const mirror = (stack: string) => `http://127.0.0.1:${ports[stack === "a" ? 0 : 1]}`;

  async function up(stack: string): Promise<void> {
    const { exitCode, output } = await pulumi("up", "--stack", stack, "--yes", "--skip-preview");
    assert.equal(exitCode, 0, output);
  }
  async function destroy(stack: string): Promise<void> {
    const { exitCode, output } = await pulumi("destroy", "--stack", stack, "--yes", "--skip-preview");
    assert.equal(exitCode, 0, output);
  }
  async function fails(result: Promise<CommandResult>, reason: RegExp): Promise<void> {
    const { exitCode, output } = await result;
    assert.notEqual(exitCode, 0, output);
    assert.match(output, reason);
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/);
  }
  /** What one stack has on the engine: images, tags, cache. */
  async function belongings(stack: string): Promise<string[]> {
    const content = await engineContent(project);
    const isOurs = (item: string) =>
      item.includes(`localhost:1/${stack}/`) ||
      item.includes(`gpu-build-host-${stack}-`) ||
      isTagOf(stack, item);
    return content.filter(isOurs);
  }
  const isTagOf = (stack: string, item: string) =>
    /^image (cuda-base|app):/.test(item) && item.endsWith("-b") === (stack === "b");

  /** Both orders of coming, each with both orders of going: one goes, and where the other stays the next case begins. */
  const cases = [
    { ups: ["a", "b"], there: ["a", "b"], destroyed: "a", stays: "b" },
    { ups: ["a"], there: ["b", "a"], destroyed: "a", stays: "b" },
    { ups: ["a"], there: ["b", "a"], destroyed: "b", stays: "a" },
    { ups: ["b"], there: ["a", "b"], destroyed: "b", stays: "a" },
  ] as const;

  describe("each with a cache of its own", () => {
    for (const { ups, there, destroyed, stays } of cases) {
      it(`${there.join(" and then ")} came: ${destroyed} goes`, async () => {
        for (const stack of ups) await up(stack);
        assert.deepEqual(mirrors(), [...there.map(mirror), facts.upstream]);
        const others = await belongings(stays);
        assert.ok(others.length >= 8, others.join("\n"));
        await destroy(destroyed);
        assert.deepEqual(await belongings(destroyed), []);
        assert.deepEqual(await belongings(stays), others);
        assert.deepEqual(mirrors(), [mirror(stays), facts.upstream]);
        assert.deepEqual(await project.preview(stays, backend()), []);
      });
    }

    it("the last one goes, and everything is as it was", async () => {
      await destroy("a");
      assert.deepEqual(await engineContent(project), cleanEngine);
      assert.equal(daemonJson(), cleanDaemonJson);
    });
  });

  describe("that want the same friendly tags", () => {
    it("refuses the second one before it builds, and names the owner", async () => {
      configure("b", {}, "");
      await up("a");
      const before = await engineContent(project);
      await fails(
        pulumi("up", "--stack", "b", "--yes", "--skip-preview"),
        /belongs to stack "a".*gpu-build-host:variant NAME/,
      );
      await destroy("b");
      assert.deepEqual(await engineContent(project), before);
      assert.deepEqual(await project.preview("a", backend()), []);
      configure("b");
    });
  });

  describe("one of which uses the other's cache", () => {
    before(async () => {
      configure("b", { mode: "external", port: ports[0] });
      await up("a"); // it may stand there already
    });

    it("refuses to destroy the owner before anything is touched", async () => {
      await up("b");
      assert.deepEqual(mirrors(), [mirror("a"), facts.upstream]);
      const before = [await engineContent(project), daemonJson()];
      await fails(
        pulumi("destroy", "--stack", "a", "--yes", "--skip-preview"),
        new RegExp(
          `the registry cache ${mirror("a")} of stack "a" is in use by "b": destroy that stack first`,
        ),
      );
      assert.deepEqual([await engineContent(project), daemonJson()], before);
      assert.deepEqual(await project.preview("a", backend()), []);
    });

    it("lets the user leave first, then the owner", async () => {
      await destroy("b");
      assert.deepEqual(await belongings("b"), []);
      assert.deepEqual(mirrors(), [mirror("a"), facts.upstream]);
      assert.deepEqual(await project.preview("a", backend()), []);
      await destroy("a");
      assert.deepEqual(await engineContent(project), cleanEngine);
      assert.equal(daemonJson(), cleanDaemonJson);
    });

    it("says that the cache does not answer where its owner is not up, and changes nothing", async () => {
      await fails(
        pulumi("up", "--stack", "b", "--yes", "--skip-preview"),
        new RegExp(
          `no registry answers at ${mirror("a")}, .*mode is external\\. Fix: pulumi up on the stack that owns`,
        ),
      );
      assert.equal(daemonJson(), cleanDaemonJson);
      await destroy("b");
      assert.deepEqual(await engineContent(project), cleanEngine);
    });
  });
});
