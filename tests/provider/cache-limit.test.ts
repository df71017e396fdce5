import assert from "node:assert/strict";
import { BuildRun } from "../../lib/images/build-run.ts";
import { cacheLimit, type CacheLimitState } from "../../provider/cache-limit.ts";
import { StandInEngine } from "../docker/stand-in-engine.ts";

const cacheImage = `registry@sha256:${"a".repeat(64)}`;
const base = "localhost:1/dev/base:1-a";
const app = "localhost:1/dev/app:1-b";

describe("the resource CacheLimit", () => {
  let standIn: StandInEngine;
  beforeEach(async () => {
    standIn = await StandInEngine.open();
    standIn.images = [base, app].map((name) => ({ id: `sha256:${name}`, tags: [name], layers: [] }));
  });
  afterEach(() => standIn.close());

  async function inputs(images?: string[]): Promise<CacheLimitState> {
    const news = {
      ...{ stack: "dev", dockerHost: standIn.dockerHost, caches: [], limit: 40_000_000, pins: [] },
      ...(images && { images }),
    };
    return (await cacheLimit.check("urn", undefined, news)).inputs;
  }
  const session = () => ({
    log: async () => undefined,
    signal: new AbortController().signal,
    run: new BuildRun(),
  });
  const created = async (...images: string[]) =>
    (await cacheLimit.create("urn", await inputs(images), session())).outs;
  const updated = async (state: CacheLimitState, ...images: string[]) =>
    (await cacheLimit.update("id", "urn", state, await inputs(images), session())).outs;
  const changes = async (state: CacheLimitState, ...images: string[]) =>
    (await cacheLimit.diff("id", "urn", state, await inputs(images))).changes;
  const read = async (state: CacheLimitState, run?: BuildRun) =>
    (await cacheLimit.read("id", "urn", state, run))!.props;

  it("runs after the run that makes a new version or takes another image of the cache", async () => {
    const state = await created(cacheImage, base, app);
    assert.equal(await changes(state, cacheImage, base, `${app}2`), true);
    assert.equal(await changes(state, cacheImage.replaceAll("a", "b"), base, app), true);
  });

  it("has nothing to do in a run that builds nothing", async () => {
    const state = await read(await created(cacheImage, base, app));
    assert.equal(await changes(state, cacheImage, base, app), false);
    assert.equal(await changes(state, app, cacheImage, base), false, "another order");
    assert.equal(await changes(state, cacheImage, base), false, "one was pinned, or went");
  });

  it("has nothing to do where a version that is still there comes back", async () => {
    standIn.images.push({ id: "sha256:2", tags: [`${app}2`], layers: [] });
    const state = await read(
      await updated(await created(cacheImage, base, app), cacheImage, base, `${app}2`),
    );
    assert.equal(await changes(state, cacheImage, base, `${app}2`), false);
    assert.equal(await changes(state, cacheImage, base, app), false);
  });

  it("runs after an image that is gone is built again, before or after its turn to be read", async () => {
    const state = await created(cacheImage, base, app);
    const run = new BuildRun();
    run.built.add(app);
    assert.equal(await changes(await read(state, run), cacheImage, base, app), true);
    standIn.images.pop();
    await new Promise((resolve) => setTimeout(resolve, 1_050)); // until the list is asked for again
    const gone = await read(state);
    assert.equal(await changes(gone, cacheImage, base, app), true);
    assert.equal(await changes(gone, cacheImage, base), false, "nobody wants it any more");
    assert.equal(await changes(await updated(gone, cacheImage, base, app), cacheImage, base, app), false);
  });

  it("takes a state from before it knew images, and runs once", async () => {
    const old = await inputs();
    const state = await read(old);
    assert.deepEqual(state, old);
    assert.equal(await changes(state, cacheImage, base, app), true);
    assert.equal(await changes(await updated(state, cacheImage, base, app), cacheImage, base, app), false);
  });

  it("gives what the program said as inputs, so that a refresh finds no other drift", async () => {
    const said = await inputs([cacheImage, base, app]);
    const { outs } = await cacheLimit.create("urn", said, session());
    assert.deepEqual((await cacheLimit.read("id", "urn", outs))!.inputs, said);
  });
});
