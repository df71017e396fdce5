import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readEngine } from "../../lib/bill/engine-state.ts";
import { engineAt } from "../../lib/docker/engine.ts";
import { StandInEngine } from "../docker/stand-in-engine.ts";

describe("what a bill reads of an engine", () => {
  let standIn: StandInEngine;
  beforeEach(async () => {
    standIn = await StandInEngine.open();
    standIn.images = Array.from({ length: 250 }, (_, index) => ({
      id: `sha256:${index}`,
      tags: index === 0 ? [] : [`image:${index}`],
      layers: ["base", `${index}`],
    }));
  });
  afterEach(() => standIn.close());

  async function read(): Promise<{ tops: (string | undefined)[]; names: number; problems: string[] }> {
    const problems: string[] = [];
    const state = await readEngine(engineAt(standIn.dockerHost), join(standIn.folder, "state"), problems);
    return { tops: state.chains.map((layers) => layers.at(-1)), names: state.references.size, problems };
  }

  it("are the layers of every image, however many there are, those without a name too", async () => {
    const { tops, problems } = await read();
    assert.deepEqual(new Set(tops), new Set(standIn.images.map((_, index) => `${index}`)));
    assert.deepEqual(problems, []);
  });

  it("says how many a slow engine left out, and keeps what it did tell", async () => {
    standIn.inspectMs = 400;
    const { tops, names, problems } = await read();
    assert.ok(tops.length > 0 && tops.length < 250, `${tops.length}`);
    assert.equal(names, 249, "the list was in time");
    assert.deepEqual(problems, [
      `layers of ${250 - tops.length} of the engine's 250 images: no answer in 1.5 s; what they alone hold counts as to be fetched`,
    ]);
    await sleep(200); // what was asked last is on its way
    standIn.asked.length = 0;
    await sleep(1_000);
    assert.equal(standIn.asked.length, 0, "nobody goes on asking");
  });
});
