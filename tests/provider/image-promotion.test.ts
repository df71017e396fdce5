import assert from "node:assert/strict";
import { join } from "node:path";
import { execa } from "execa";
import { outdatedContainers } from "../../lib/images/outdated-containers.ts";
import { rollBack, type RollbackOptions, type RollbackRequest } from "../../lib/images/roll-back.ts";
import { readTagLedger } from "../../lib/images/tag-ledger.ts";
import { neededText } from "../../lib/images/needed.ts";
import { image, type ImageState } from "../../provider/image.ts";
import { useImageProject } from "./image-project.ts";

describe("promotion of an image, and the way back", function () {
  this.timeout(120_000);
  const project = useImageProject("promotion");
  const {
    write,
    definition,
    inputsOf,
    said,
    session,
    smokeTest,
    createBoth,
    both,
    read,
    changes,
    idOf,
    lastEvent,
  } = project;
  const stateDir = () => join(project.test.folder, "state");
  const ledger = async () => readTagLedger(stateDir(), (await project.test.engine.info()).id);
  const docker = (...args: string[]) => execa("docker", args).then(({ stdout }) => stdout.trim());

  /** The app's next version, as a run makes it. */
  async function next(app: ImageState, text: string, more: Partial<ImageState> = {}): Promise<ImageState> {
    write("app/src/main.sh", text);
    const inputs = { ...(await both()).app!, ...more };
    return (await image.update("id", "urn", app, inputs, session())).outs;
  }

  it("tells of an image that fails where it is, and a command that looks into it", async () => {
    const { app } = await createBoth();
    write("app/src/main.sh", "echo broken; exit 7\n");
    const inputs = (await both()).app!;
    const error = await image.update("id", "urn", app, inputs, session()).then(
      () => assert.fail("it passed"),
      ({ message }: Error) => message,
    );
    assert.match(error, /^the smoke test of image "app" failed with exit code 7: .*\n {2}broken\n/);
    assert.ok(
      error.includes(`tags stay where they were: app:1. The new image stays as ${inputs.reference}.`),
    );
    const [, look] = /^ {2}eval .* && (docker run .*)$/m.exec(error) ?? [];
    assert.ok(look, error);
    const shell = `${look.replace("-it ", "")} -c 'cat /src/main.sh /smoke-test/check.sh'`;
    const { stdout } = await execa("sh", ["-c", shell]);
    assert.equal(stdout, "echo broken; exit 7\nsh /src/main.sh");
    const { promoted } = await ledger();
    assert.ok(app.reference in promoted && !(inputs.reference in promoted));
  });

  it("is refused by requireGpu without one; the test is not run again when that is lifted", async () => {
    const { app } = await createBoth();
    const first = await idOf("app:1");
    write("app/src/main.sh", "echo second\n");
    const inputs = (await both()).app!;
    const update = (requireGpu: boolean) =>
      image.update("id", "urn", app, { ...inputs, requireGpu }, session());
    await assert.rejects(update(true), /passed its smoke test without a GPU.*requireGpu false$/);
    assert.equal((await lastEvent()).result, "failed");
    assert.equal(await idOf("app:1"), first);
    assert.ok(await idOf(inputs.reference), "the new image stays under its hash");
    await update(false);
    assert.equal(await idOf("app:1"), await idOf(inputs.reference));
    assert.ok(!said.some((line) => line.startsWith("smoke test")), said.join("\n"));
    assert.equal((await lastEvent()).smokeGpu, false);
    await image.update(
      "id",
      "urn",
      inputs as ImageState,
      { ...inputs, keep: 4, requireGpu: true },
      session(),
    );
    const plain = (await inputsOf([definition("base", { tags: ["plain:1"] })])).base!;
    await image.create("urn", { ...plain, requireGpu: true }, session()); // it has no test
    assert.ok(await idOf("plain:1"));
  });

  describe("rollback", () => {
    let app: ImageState;
    let references: string[];
    let pins: Record<string, string>;
    beforeEach(async () => {
      pins = {};
      ({ app } = await createBoth());
      references = [app.reference];
      for (const text of ["echo second\n", "echo third\n"]) {
        app = await next(app, text);
        references.push(app.reference);
      }
    });
    const options = (): RollbackOptions => ({
      engine: project.test.engine,
      signal: new AbortController().signal,
      writePins: async (written) => {
        const before = { ...pins };
        Object.assign(pins, written);
        return async () => void (pins = before);
      },
    });
    const request = (more: Partial<RollbackRequest> = {}): RollbackRequest => ({
      ...{ stack: "dev", stateDir: stateDir(), stackImages: ["base", "app"], images: ["app"], pinned: [] },
      ...{ adopt: false, ...more },
    });
    const pinned = async () =>
      (
        await inputsOf(
          [definition("app", { smokeTest: smokeTest() }), definition("base")],
          "dev",
          undefined,
          pins,
        )
      ).app!;
    const versions = async () =>
      (await project.test.engine.names("localhost:1/dev/app:*")).map(({ name }) => name).sort();

    it("moves the tags, and Pulumi's next look finds the pinned version and nothing to do", async () => {
      await rollBack(request(), options());
      assert.equal(await idOf("app:1"), await idOf(references[1]!));
      assert.deepEqual(pins, { app: references[1]!.slice(-16) });
      const inputs = await pinned();
      assert.deepEqual([inputs.reference, inputs.build.mustExist], [references[1], true]);
      const state = (await read(app))!;
      assert.deepEqual(await changes(state, inputs), []);
      assert.deepEqual((await lastEvent()).reasons, ["rolled back"]);
      // Released, the next run reuses what the files give.
      await image.update("id", "urn", state, (await both()).app!, session());
      assert.equal(await idOf("app:1"), await idOf(references[2]!));
      assert.equal((await lastEvent()).result, "reused");
      assert.deepEqual((await ledger()).pins, {});
    });

    it("keeps the pinned version and the one that was left, however few are kept", async () => {
      await rollBack(request({ to: "3" }), options());
      const few = { ...(await pinned()), keep: 1, keepStorage: 0, needed: neededText([references[0]!]) };
      await image.update("id", "urn", app, few, session());
      assert.deepEqual(await versions(), [references[0]!, references[2]!].sort());
    });

    it("leaves everything as it was where the pin cannot be written or a tag does not move", async () => {
      const before = [await idOf("app:1"), JSON.stringify(await ledger())];
      const refused = { ...options(), writePins: () => Promise.reject(new Error("read-only")) };
      await assert.rejects(rollBack(request(), refused), /read-only/);
      assert.deepEqual([await idOf("app:1"), JSON.stringify(await ledger())], before);
      const { engine } = options();
      const tag = engine.tag.bind(engine);
      engine.tag = async (...args) => {
        await tag(...args);
        engine.tag = tag;
        throw new Error("the engine went away");
      };
      await assert.rejects(rollBack(request(), options()), /went away/);
      assert.deepEqual([await idOf("app:1"), JSON.stringify(await ledger())], before);
      assert.deepEqual(pins, {});
    });

    it("changes nothing when it was stopped before", async () => {
      const stopped = { ...options(), signal: AbortSignal.abort() };
      await assert.rejects(rollBack(request(), stopped));
      assert.deepEqual([pins, await idOf("app:1")], [{}, await idOf(references[2]!)]);
    });

    it("is finished by the next run, or by itself, after a kill between pin and tags", async () => {
      pins = { app: references[1]!.slice(-16) };
      const state = (await read(app))!;
      assert.deepEqual(await changes(state, await pinned()), ["hash", "reference", "parts"]);
      const { moves } = await rollBack(request({ pinned: ["app"] }), options());
      assert.equal(moves[0]!.to, references[1], "the same command again does not go one further");
      await project.test.engine.tag(references[2]!, "app:1");
      await image.update("id", "urn", app, await pinned(), session());
      assert.equal(await idOf("app:1"), await idOf(references[1]!));
    });

    it("refuses in one line a version that is gone, and a pin of one", async () => {
      await assert.rejects(rollBack(request({ to: "0123456789abcdef" }), options()), {
        message:
          /^app: there is no version 0123456789abcdef to go to on this engine; there are 1 \(.*\), 2 \(.*\), 3 \(.*\)$/,
      });
      pins = { app: "0123456789abcdef" };
      await assert.rejects(pinned(), {
        message:
          /^gpu-build-host:pinnedVersions\.app is 0123456789abcdef, a version that is not on this engine any more; release the pin: npm run rollback -- --stack dev app --clear$/,
      });
      await assert.rejects(rollBack(request({ images: ["base"] }), options()), {
        message: /^base: there is no version before 1-[0-9a-f]{16} to go back to on this engine$/,
      });
    });

    it("names containers of our images that run another version, and no others", async () => {
      const run = (name: string, from: string, ...more: string[]) =>
        docker("run", "-d", "--network", "none", "--name", name, ...more, from, "sleep", "1000");
      const compose = Object.entries({
        "com.docker.compose.project": "gpu",
        "com.docker.compose.service": "app",
        "com.docker.compose.project.config_files": "/srv/compose.yaml",
      }).flatMap(([key, value]) => ["--label", `${key}=${value}`]);
      await run("plain", "app:1");
      await run("composed", "app:1", ...compose);
      await run("by-hash", references[0]!);
      await docker("tag", "base:1", "theirs:1");
      await run("base", "base:1");
      await rollBack(request(), options());
      await run("new", "app:1");
      const images = [{ name: "app", tags: ["app:1"], reference: references[1]! }];
      const found = await outdatedContainers("dev", images, project.test.engine);
      const third = references[2]!.split(":").at(-1);
      assert.deepEqual(found.map(({ container, runs, restart }) => [container, runs, restart]).sort(), [
        [
          "by-hash",
          references[0]!.split(":").at(-1),
          `docker rm -f by-hash, then docker run it again with app:1, not with ${references[0]}`,
        ],
        ["composed", third, "docker compose -f /srv/compose.yaml -p gpu up -d app"],
        ["plain", third, "docker rm -f plain, then docker run it again with app:1"],
      ]);
      const { stdout } = await execa("docker", ["ps", "--format", "{{.Names}}"]);
      assert.equal(stdout.split("\n").length, 5, "all of them still run");
    });
  });
});
