import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { BuildCache } from "../../lib/images/build-cache.ts";
import { readHistory } from "../../lib/images/history.ts";
import { image } from "../../provider/image.ts";
import type { Session } from "../../provider/resource-handler.ts";
import { LoginUpstream } from "../integration/login-upstream.ts";
import { useImageProject, type Inputs } from "../provider/image-project.ts";
import { startWritableRegistry, type WritableRegistry } from "./writable-registry.ts";

describe("build cache on real engines", () => {
  let registry: WritableRegistry;

  before(async () => {
    registry = await startWritableRegistry();
  });
  after(() => registry?.stop());

  const cacheAt = (address: string, further: Partial<BuildCache> = {}): BuildCache => ({
    type: "registry",
    ref: `${address}/build-cache`,
    mode: "max",
    export: true,
    ...further,
  });

  /** A stage beside the image's own chain, which only `mode: max` keeps; each run of a step gives other bytes. */
  const dockerfile = `FROM busybox:1 AS builder
COPY a.txt /a.txt
RUN cat /proc/sys/kernel/random/uuid > /built
FROM busybox:1
COPY --from=builder /built /built
COPY late.txt /late.txt
RUN cat /proc/sys/kernel/random/uuid > /base
`;

  function tools(project: ReturnType<typeof useImageProject>) {
    const warnings: string[] = [];
    const session = (): Session => ({
      ...project.session(),
      log: async (message, options) => void (options?.severity === "warning" && warnings.push(message)),
    });
    const both = async (buildCache?: BuildCache): Promise<{ base: Inputs; app: Inputs }> => {
      const { base, app } = await project.inputsOf([project.definition("app"), project.definition("base")]);
      const withCache = (inputs: Inputs): Inputs => ({ ...inputs, ...(buildCache && { buildCache }) });
      return { base: withCache(base!), app: withCache(app!) };
    };
    return {
      warnings,
      session,
      both,
      async build(buildCache?: BuildCache) {
        const { base, app } = await both(buildCache);
        const run = session();
        const states = [
          (await image.create("urn", base, run)).outs,
          (await image.create("urn", app, run)).outs,
        ];
        const events = (await readHistory(join(project.test.folder, "state"), "dev")).slice(-2);
        const layers = await Promise.all(
          [base, app].map(async ({ reference }) => (await project.test.engine.image(reference))?.layers),
        );
        return { states, events, layers };
      },
      /** What `docker builder prune -af` and removing every image leave: nothing. */
      async loseEverything() {
        const docker = await project.test.engine.client();
        for (const { Id } of await docker.listImages()) await docker.getImage(Id).remove({ force: true });
        await project.test.engine.ask({ method: "POST", path: "/build/prune", query: { all: true } });
        rmSync(join(project.test.folder, "state"), { recursive: true, force: true });
        const left = await project.test.engine.ask<{ BuildCache: unknown[] | null }>({ path: "/system/df" });
        assert.deepEqual(left.BuildCache ?? [], []);
      },
    };
  }

  const uncached = (events: { image: string; steps: { name: string; cached: boolean }[] }[]) =>
    events.flatMap(({ image, steps }) =>
      steps.filter(({ cached }) => !cached).map(({ name }) => `${image}: ${name}`),
    );

  describe("with the containerd store", () => {
    const project = useImageProject("build-cache-c", "containerd");
    const { warnings, session, both, build, loseEverything } = tools(project);

    beforeEach(() => {
      project.write("base/Dockerfile", dockerfile);
      project.write("base/late.txt", "1\n");
      warnings.length = 0;
    });

    it("takes every step from the registry after everything was lost, and gives the same layers", async () => {
      const without = await both();
      const first = await build(cacheAt(registry.address));
      assert.notDeepEqual(uncached(first.events), []);
      assert.deepEqual(await registry.tags("build-cache"), ["app-1", "base-1"]);
      await loseEverything();
      const second = await build(cacheAt(registry.address));
      assert.deepEqual(uncached(second.events), []);
      assert.deepEqual(second.layers, first.layers);
      assert.deepEqual(
        first.states.map(({ hash }) => hash),
        [without.base.hash, without.app.hash],
      );
      assert.deepEqual(warnings, []);
    });

    it("keeps the steps of other stages, too", async () => {
      await build(cacheAt(registry.address));
      await loseEverything();
      project.write("base/late.txt", "2\n");
      const { events } = await build(cacheAt(registry.address, { export: false }));
      const fromCache = events[0]!.steps.filter(({ cached }) => cached).map(({ name }) => name);
      assert.ok(
        fromCache.some((name) => /^\[builder \d\/\d\] RUN /.test(name)),
        JSON.stringify(events[0]!.steps),
      );
      assert.ok(events[0]!.steps.some(({ name, cached }) => name.includes("late.txt") && !cached));
    });

    it("goes on without a registry that is away, and says so once", async () => {
      const { events } = await build(cacheAt("127.0.0.1:9"));
      assert.deepEqual(
        events.map(({ result }) => result),
        ["built", "built"],
      );
      assert.equal(warnings.length, 1, warnings.join("\n"));
      assert.match(
        warnings[0]!,
        /^the build cache 127\.0\.0\.1:9\/build-cache is out of reach, so builds go on/,
      );
    });

    it("goes on where the registry refuses to keep the steps, and says so", async () => {
      const { events } = await build(cacheAt(project.registry.address)); // takes no pushes
      assert.equal(events[1]!.result, "built");
      assert.equal(warnings.length > 0, true);
      assert.match(warnings[0]!, /is not whole, the images are: /);
    });

    it("logs in as docker does, and writes the password nowhere", async () => {
      const password = `pw${process.pid}secret`;
      const gate = new LoginUpstream(`http://${registry.address}`, password);
      await gate.start();
      const address = new URL(gate.url).host;
      const config = mkdtempSync(join(tmpdir(), "gbh-docker-config-"));
      const before = process.env["DOCKER_CONFIG"];
      const from = before ? readFileSync(join(before, "config.json"), "utf8") : "{}";
      const auth = { auth: Buffer.from(`me:${password}`).toString("base64") };
      writeFileSync(
        join(config, "config.json"),
        JSON.stringify({ ...(JSON.parse(from) as object), auths: { [address]: auth } }),
        { mode: 0o600 },
      );
      process.env["DOCKER_CONFIG"] = config;
      try {
        const cache = { ...cacheAt(address), ref: `${address}/private` };
        const { states, events } = await build(cache);
        assert.deepEqual(warnings, []);
        assert.deepEqual(await registry.tags("private"), ["app-1", "base-1"]);
        assert.ok(gate.logins.length > 0);
        const written = JSON.stringify([states, events, project.said]);
        assert.ok(!written.includes(password) && !written.includes(auth.auth));
      } finally {
        if (before === undefined) delete process.env["DOCKER_CONFIG"];
        else process.env["DOCKER_CONFIG"] = before;
        rmSync(config, { recursive: true, force: true });
        await gate.stop();
      }
    });

    it("builds only so many images at a time as build.parallel says", async () => {
      const names = ["one", "two", "three"];
      for (const name of names)
        project.write(`${name}/Dockerfile`, `FROM busybox:1\nRUN sleep 0.3 && echo ${name}\n`);
      const inputs = await project.inputsOf(names.map((name) => project.definition(name)));
      const run = session();
      const spans: [number, number][] = [];
      await Promise.all(
        names.map(async (name) => {
          let begin = 0;
          const log: Session["log"] = async (message) => {
            if (message.startsWith("building: ")) begin = Date.now();
          };
          await image.create("urn", { ...inputs[name]!, parallel: 1 }, { ...run, log });
          spans.push([begin, begin + 300]);
        }),
      );
      spans.sort(([a], [b]) => a - b);
      for (const [index, [begin]] of spans.entries())
        assert.ok(index === 0 || begin >= spans[index - 1]![1], JSON.stringify(spans));
    });
  });

  describe("with graph drivers", () => {
    const project = useImageProject("build-cache-o", "overlay2");
    const { warnings, build, loseEverything } = tools(project);

    beforeEach(() => {
      project.write("base/Dockerfile", dockerfile);
      project.write("base/late.txt", "1\n");
      warnings.length = 0;
    });

    it("takes every step from the images' inline cache after everything was lost", async () => {
      const cache = { ...cacheAt(registry.address, { type: "inline" }), ref: `${registry.address}/inline` };
      const first = await build(cache);
      assert.deepEqual(await registry.tags("inline"), ["app-1", "base-1"]);
      await loseEverything();
      const second = await build(cache);
      assert.deepEqual(uncached(second.events), []);
      assert.deepEqual(second.layers, first.layers);
      assert.deepEqual(warnings, []);
      // The name under which it was pushed is not left among the user's images.
      const { stdout } = await execa("docker", ["images", "--format", "{{.Repository}}"], {
        env: { DOCKER_HOST: project.test.dockerHost },
      });
      assert.ok(!stdout.includes(registry.address), stdout);
    });

    it("reads what an engine with the containerd store has written", async () => {
      // The tests above have left it in the registry.
      const { events } = await build(cacheAt(registry.address, { export: false }));
      assert.deepEqual(uncached(events), []);
    });

    it("warns and builds where an inline cache cannot be pushed", async () => {
      const gate = new LoginUpstream(`http://${registry.address}`, "nobody knows it");
      await gate.start();
      try {
        const { events } = await build(cacheAt(new URL(gate.url).host, { type: "inline" }));
        assert.equal(events[1]!.result, "built");
        assert.equal(warnings.length, 1, warnings.join("\n"));
        assert.match(warnings[0]!, /is not whole, the images are: .*docker login/);
      } finally {
        await gate.stop();
      }
    });
  });
});
