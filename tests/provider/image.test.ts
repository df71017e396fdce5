import assert from "node:assert/strict";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { image } from "../../provider/image.ts";
import { useImageProject } from "./image-project.ts";

for (const store of ["overlay2", "containerd"] as const)
  describe(`the resource Image on an engine with the ${store} store`, function () {
    this.timeout(120_000);
    const project = useImageProject("image", store);
    const {
      write,
      definition,
      inputsOf,
      said,
      session,
      smokeTest,
      both,
      createBoth,
      read,
      changes,
      idOf,
      lastEvent,
    } = project;

    it("builds parents and children, publishes the friendly tags, and then finds nothing to do", async () => {
      const { base, app } = await createBoth();
      assert.equal(await idOf("app:1"), await idOf(app.reference));
      assert.deepEqual(app.live, { "app:1": "this image", layers: "on its base" });
      const inputs = await both();
      assert.deepEqual(await changes((await read(base))!, inputs.base!), []);
      assert.deepEqual(await changes((await read(app))!, inputs.app!), []);
      assert.equal((await lastEvent()).smokeGpu, false);
      assert.ok(
        said.some((line) => /^\[.*2\/3\] RUN cat \/src\/\* \(\d+ s\)$/.test(line)),
        said.join("\n"),
      );
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
      await execa("cp", ["-a", join(project.folder, "app"), join(project.folder, "elsewhere")]);
      const moved = (
        await inputsOf([
          definition("app", { context: join(project.folder, "elsewhere"), smokeTest: smokeTest() }),
          definition("base"),
        ])
      ).app!;
      moved.build.pins = { "base:1": "docker-image://127.0.0.1:1/base" };
      assert.deepEqual(await changes(app, moved), []);
    });

    it("shows a moved and a removed friendly tag, and puts them back", async () => {
      const { base, app } = await createBoth();
      await project.test.engine.tag(base.reference, "app:1");
      const drifted = (await read(app))!;
      assert.match(drifted.live["app:1"]!, /^moved to [0-9a-f]{12}$/);
      const inputs = (await both()).app!;
      assert.deepEqual(await changes(drifted, inputs), ["live"]);
      await image.update("id", "urn", drifted, inputs, session());
      assert.equal(await idOf("app:1"), await idOf(app.reference));
      assert.equal((await lastEvent()).result, "tagged");
      await project.test.engine.untag("app:1");
      assert.equal((await read(app))!.live["app:1"], "missing");
      await image.update("id", "urn", app, inputs, session());
      assert.equal(await idOf("app:1"), await idOf(app.reference));
    });

    it("reports a vanished image as gone, and children on other layers than their base", async () => {
      const { base, app } = await createBoth();
      await project.test.engine.untag(app.reference);
      assert.equal(await read(app), undefined);
      const recreated = (await image.create("urn", (await both()).app!, session())).outs;
      assert.deepEqual((await lastEvent()).reasons, ["gone from the engine"]);
      // The same hash with other layers, as after a loss together with the build cache.
      write("other/Dockerfile", "FROM busybox:1\nRUN echo other > /other\n");
      await execa("docker", [
        "build",
        "--network",
        "host",
        "--build-context",
        `busybox:1=docker-image://${project.registry.address}/library/busybox@${project.registry.digests["1"]}`,
        "--tag",
        base.reference,
        join(project.folder, "other"),
      ]);
      const drifted = (await read(recreated))!;
      assert.equal(drifted.live.layers, "on other layers than its base");
      await image.update("id", "urn", drifted, (await both()).app!, session());
      assert.equal((await lastEvent()).result, "built");
      assert.deepEqual((await lastEvent()).reasons, ["it stands on other layers than its base"]);
      assert.equal((await read(recreated))!.live.layers, "on its base");
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
      const left = (await project.test.engine.names("localhost:1/dev/base:*")).map(({ name }) => name);
      assert.deepEqual(left.sort(), [references[0]!, references[3]!, references[4]!].sort());
      assert.ok(
        said.some((line) => line.includes(references[0]!) && line.includes("used by user (created)")),
        said.join("\n"),
      );
    });

    it("forces a rebuild by a counter, with the argument REBUILD where it is declared", async () => {
      const { base } = await createBoth();
      const again = definition("base", { rebuild: { count: 1, noCache: true } });
      const inputs = (await inputsOf([again])).base!;
      assert.equal(inputs.build.args.REBUILD, "1");
      await image.update("id", "urn", base, inputs, session());
      assert.ok(!said.some((line) => line.includes("without cache")));
      write("app/Dockerfile", "FROM busybox:1\nRUN echo hi\n");
      const forced = { rebuild: { count: 1, noCache: true } };
      const before = await image.create("urn", (await inputsOf([definition("app")])).app!, session());
      const plain = (await inputsOf([definition("app", forced)])).app!;
      const after = await image.update("id", "urn", before.outs, plain, session());
      assert.ok(said.some((line) => line.includes("the cache mounts of this Dockerfile are emptied too")));
      said.length = 0;
      write("app/Dockerfile", "FROM busybox:1\nRUN echo hello\n");
      const later = (await inputsOf([definition("app", forced)])).app!;
      await image.update("id", "urn", after.outs, later, session());
      assert.ok(!said.some((line) => line.includes("without cache")), "only the rebuild itself goes without");
    });

    describe("friendly tags that others have", () => {
      beforeEach(async () => {
        const { base } = await createBoth();
        write("foreign/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
        await execa("docker", ["build", "--tag", "mine:1", join(project.folder, "foreign")]);
        void base;
      });

      it("are refused with the owner's name, and variant makes room", async () => {
        const other = (await inputsOf([definition("base")], "second")).base!;
        await assert.rejects(
          image.create("urn", other, session()),
          /the tag base:1 belongs to stack "dev" on this engine.*variant NAME/,
        );
        rmSync(join(project.test.folder, "state", "engines"), { recursive: true }); // the ledger is lost: names on the engine tell
        await project.test.engine.untag(other.reference);
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
        await assert.rejects(
          image.create("urn", inputs, session()),
          /the tag mine:1 is on an image that no stack made/,
        );
        const { outs } = await image.create("urn", { ...inputs, adoptTags: true }, session());
        assert.equal(await idOf("mine:1"), await idOf(outs.reference));
        await image.delete("id", "urn", outs, session());
        assert.equal(await idOf("mine:1"), foreign);
        assert.deepEqual(await project.test.engine.names("localhost:1/dev/former/*"), []);
      });
    });

    it("takes all its names away on delete, and leaves and names what a container uses", async () => {
      const { base, app } = await createBoth();
      await execa("docker", ["create", "--name", "user", base.reference, "true"]);
      await image.delete("id", "urn", app, session());
      assert.equal(await idOf("app:1"), undefined);
      await image.delete("id", "urn", base, session());
      assert.ok(
        said.some((line) => /left on the engine: .*used by user/.test(line)),
        said.join("\n"),
      );
      await execa("docker", ["rm", "user"]);
      await image.delete("id", "urn", base, session());
      assert.deepEqual(
        (await (await project.test.engine.client()).listImages()).flatMap(({ RepoTags }) => RepoTags ?? []),
        [],
      );
    });

    it("reads and compares 100 times without finding a change", async () => {
      const { app } = await createBoth();
      const inputs = (await both()).app!;
      const begin = performance.now();
      for (let count = 0; count < 100; count++)
        assert.deepEqual(await changes((await read(app))!, inputs), []);
      const each = (performance.now() - begin) / 100;
      console.log(`      ${each.toFixed(1)} ms an image`);
    });

    it("lists a mode change", async () => {
      const { app } = await createBoth();
      chmodSync(join(project.folder, "app/src/main.sh"), 0o755);
      assert.deepEqual(await changes(app, (await both()).app!), ["hash", "reference", "parts"]);
    });
  });
