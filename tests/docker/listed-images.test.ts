import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { engineAt, type Engine } from "../../lib/docker/engine.ts";
import { fromList, listedImages } from "../../lib/docker/listed-images.ts";
import { liveFacts } from "../../lib/images/live-facts.ts";
import { StandInEngine } from "./stand-in-engine.ts";

const list = "GET /images/json";
const inspect = /^GET \/images\/.+\/json$/;

describe("images from a list", () => {
  let standIn: StandInEngine;
  let engine: Engine;

  beforeEach(async () => {
    standIn = await StandInEngine.open();
    engine = engineAt(standIn.dockerHost);
    standIn.images = [
      { id: "sha256:1", tags: ["app:1", "localhost:1/dev/app:1-a"], layers: ["x", "y"] },
      { id: "sha256:2", tags: ["app:2"], layers: ["x"] },
    ];
  });
  afterEach(() => standIn.close());

  const idOf = async (name: string) => (await fromList(engine).image(name))?.id;

  it("are what the engine says of each, by name and by ID", async () => {
    for (const name of ["app:1", "localhost:1/dev/app:1-a", "sha256:2", "app:3"]) {
      const asked = await engine.image(name);
      const listed = await fromList(engine).image(name);
      assert.deepEqual(
        [listed?.id, listed?.tags, listed?.layers],
        [asked?.id, asked?.tags, asked?.layers],
        name,
      );
    }
  });

  it("ask for one list and for each image once, though 100 stand on the same bases", async () => {
    const [runtime, devel] = ["localhost:1/dev/base:runtime-a", "localhost:1/dev/base:devel-b"] as const;
    const services = Array.from({ length: 100 }, (_, index) => ({
      id: `sha256:s${index}`,
      tags: [`localhost:1/dev/s${index}:1-a`, `s${index}:1`],
      layers: ["x", "y", `${index}`],
    }));
    standIn.images = [
      { id: "sha256:runtime", tags: [runtime], layers: ["x"] },
      { id: "sha256:devel", tags: [devel], layers: ["x", "y"] },
      ...services,
    ];
    const facts = await Promise.all(
      services.map(({ tags }) =>
        liveFacts(
          {
            reference: tags[0]!,
            tags: [tags[1]!],
            stateDir: standIn.folder,
            build: { base: devel, basesBelow: [runtime] },
          },
          engine,
          fromList(engine),
        ),
      ),
    );
    for (const [index, found] of facts.entries())
      assert.deepEqual(found, { [`s${index}:1`]: "this image", layers: "on its base" });
    assert.ok(standIn.count(list) <= 5, "one, or a few on a machine that is slower than a list lasts");
    assert.equal(standIn.count(inspect), 102, "a base is asked for once");
  });

  it("show at once what this process did", async () => {
    assert.equal(await idOf("app:1"), "sha256:1");
    await engine.tag("sha256:2", "app:1");
    assert.equal(await idOf("app:1"), "sha256:2");
    engine.imageChanges++; // as after a build
    standIn.images = [];
    assert.equal(await idOf("app:1"), undefined);
  });

  it("show within a second what others did", async () => {
    assert.equal(await idOf("app:2"), "sha256:2");
    standIn.images = standIn.images.slice(0, 1);
    await sleep(1_050);
    assert.equal(await idOf("app:2"), undefined);
  });

  it("are gone where the list has one that was removed meanwhile", async () => {
    await listedImages(engine);
    standIn.images = [];
    assert.equal(await idOf("app:1"), undefined);
  });

  it("are asked for again after a list that failed", async () => {
    const ask = engine.imageList.bind(engine);
    engine.imageList = () => Promise.reject(new Error("too busy"));
    await assert.rejects(listedImages(engine), /too busy/);
    engine.imageList = ask;
    assert.equal(await idOf("app:1"), "sha256:1");
  });
});
