import assert from "node:assert/strict";
import { appendFileSync, existsSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { evict } from "../../lib/cache-store/evict.ts";
import { usageFile } from "../../lib/cache-store/listing.ts";
import { lookAtCache, usageOfCache } from "../../lib/cache-store/look.ts";
import { pinKey, type Pins } from "../../lib/cache-store/needed.ts";
import { clearScript } from "../../lib/cache-store/removal.ts";
import { verifyCache } from "../../lib/cache-store/verify.ts";
import { blobFolder, storeFolder } from "../../lib/cache-store/volume.ts";
import { cacheCounters } from "../../lib/registry/cache-counters.ts";
import { pull, pushImage, type TestImage } from "./images.ts";
import { RegistryProcess } from "./registry-process.ts";

describe("cache store", function () {
  this.timeout(60_000);
  let upstream: RegistryProcess;
  let cache: RegistryProcess;
  const client = () => cache.client();
  const fileOf = (digest: string) => join(cache.root, storeFolder, blobFolder(digest), "data");
  const noPins: Pins = { names: new Map(), notes: [] };

  before(async () => {
    upstream = await RegistryProcess.start();
  });
  after(() => upstream.remove());
  beforeEach(async () => {
    cache = await RegistryProcess.start({ upstream: upstream.url });
  });
  afterEach(() => cache.remove());

  const pushAndPull = async (options?: Parameters<typeof pushImage>[1]): Promise<TestImage> => {
    const image = await pushImage(upstream.port, options);
    await pull(cache.url, image);
    // The last blob is stored when its last byte has gone out.
    for (const digest of image.layers) while (!existsSync(fileOf(digest))) await sleep(10);
    return image;
  };

  it("lists images with their tags, sizes and last use", async () => {
    assert.deepEqual((await lookAtCache(cache.volume)).images, []);
    const image = await pushImage(upstream.port, { layers: [30_000, 10_000] });
    await pull(cache.url, image, "1");
    const view = await lookAtCache(cache.volume);
    assert.equal(view.images.length, 1);
    const [found] = view.images;
    const { repository, digest, tags, bytes, isComplete } = found!;
    assert.deepEqual(
      { repository, digest, tags, bytes, isComplete },
      {
        repository: image.repository,
        digest: image.digest,
        tags: ["1"],
        bytes: image.bytes,
        isComplete: true,
      },
    );
    assert.ok(Math.abs(view.usage.lastUsed[`${repository}@${digest}`]! - Date.now()) < 5_000);
    assert.ok(view.content.disk.free > 0 && view.content.disk.size > view.content.disk.free);
  });

  it("counts hits and saved bytes as the registry's own metrics do", async () => {
    const [first, second] = [await pushAndPull(), await pushAndPull({ layers: [5_000, 70_000] })];
    await sleep(1_100); // the log's times are whole seconds
    await pull(cache.url, first);
    await pull(cache.url, second);
    await pull(cache.url, first);
    const read = await usageOfCache(cache.volume);
    assert.ok(!existsSync(join(cache.root, usageFile)), "who only reads writes nothing");
    const { usage } = await lookAtCache(cache.volume);
    assert.deepEqual(read, usage);
    const counters = (await cacheCounters(cache.metricsPort))!;
    assert.deepEqual([usage.requests, usage.hits], [counters.requests, counters.hits]);
    assert.equal(usage.savedBytes, 2 * first.bytes + second.bytes);
    assert.equal(usage.fetchedBytes, counters.fetchedBytes);
    const again = await lookAtCache(cache.volume);
    assert.deepEqual(again.usage, usage, "what was counted is not counted again");
  });

  it("remembers the use when the log is gone with its container", async () => {
    const image = await pushAndPull();
    const before = (await lookAtCache(cache.volume)).usage;
    const other: typeof cache.volume = { ...cache.volume, log: () => Promise.resolve("") };
    assert.deepEqual((await lookAtCache(other)).usage, before);
    assert.ok(before.lastUsed[`${image.repository}@${image.digest}`]);
  });

  it("removes the least recently used first, keeps what is pinned, and the running registry serves what stays", async () => {
    const pinned = await pushAndPull();
    await sleep(1_100);
    const [old, fresh] = [await pushAndPull(), await pushAndPull()];
    await sleep(1_100);
    await pull(cache.url, fresh);
    const pins: Pins = {
      names: new Map([[pinKey("docker.io", pinned.repository, pinned.digest), "pinned"]]),
      notes: [],
    };
    const one = client();
    const result = await evict({
      ...{ volumes: [cache.volume], limit: pinned.bytes + fresh.bytes, pins },
      clientOf: () => one,
    });
    await one.close();
    assert.deepEqual(
      result.removed.map(({ image }) => image.digest),
      [old.digest],
    );
    assert.deepEqual([result.bytesBefore - result.bytesAfter, result.kept], [old.bytes, 2]);
    await upstream.stop();
    try {
      for (const image of [pinned, fresh]) await pull(cache.url, image);
      await assert.rejects(pull(cache.url, old));
      const catalog = (await (await fetch(`${cache.url}/v2/_catalog`)).json()) as { repositories: string[] };
      assert.deepEqual(catalog.repositories, [fresh.repository, pinned.repository].sort());
    } finally {
      await upstream.start();
    }
    await pull(cache.url, old);
    const { images } = await lookAtCache(cache.volume);
    assert.equal(images.filter(({ isComplete }) => isComplete).length, 3, "what went is fetched again");
  });

  it("keeps layers that an image that stays shares with one that goes, in the same repository and in another", async () => {
    const shared = Buffer.alloc(50_000, "shared");
    const repository = "library/sharing";
    const old = await pushAndPull({ repository, tag: "1", layers: [shared, 1_000] });
    const other = await pushAndPull({ layers: [shared] });
    await sleep(1_100);
    const fresh = await pushAndPull({ repository, tag: "2", layers: [shared] });
    await pull(cache.url, other);
    const options = { volumes: [cache.volume], pins: noPins };
    const { bytesBefore } = await evict({ ...options, limit: 0, dryRun: true });
    const { bytesAfter, removed } = await evict({ ...options, limit: bytesBefore - 1 });
    assert.deepEqual(
      removed.map(({ image }) => image.digest),
      [old.digest],
    );
    const { content } = await lookAtCache(cache.volume);
    const left = [...content.blobs.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    assert.equal(left, bytesAfter);
    await upstream.stop();
    try {
      for (const image of [other, fresh]) await pull(cache.url, image);
    } finally {
      await upstream.start();
    }
  });

  it("says what would go and removes nothing in a dry run", async () => {
    const image = await pushAndPull();
    const result = await evict({ volumes: [cache.volume], limit: 0, pins: noPins, dryRun: true });
    assert.equal(result.removed.length, 1);
    assert.ok(existsSync(fileOf(image.digest)));
  });

  it("is cleared while the registry runs, which then fetches again", async () => {
    const image = await pushAndPull();
    await cache.volume.run(clearScript);
    const { images, content } = await lookAtCache(cache.volume);
    assert.deepEqual([images.length, content.blobs.size, content.repositories.size], [0, 0, 0]);
    await pull(cache.url, image);
    assert.equal((await lookAtCache(cache.volume)).images[0]?.digest, image.digest);
  });

  it("lives with the registry's own clock for layers (ttl), which may find them gone or shared", async () => {
    const timed = await RegistryProcess.start({ upstream: upstream.url, ttl: "2s" });
    try {
      const shared = Buffer.alloc(40_000, "timed");
      const [old, fresh] = [
        await pushImage(upstream.port, { layers: [shared, 5_000] }),
        await pushImage(upstream.port, { layers: [shared] }),
      ];
      await pull(timed.url, old);
      await sleep(1_100);
      await pull(timed.url, fresh);
      const options = { volumes: [timed.volume], pins: noPins };
      const { bytesBefore } = await evict({ ...options, limit: 0, dryRun: true });
      assert.equal((await evict({ ...options, limit: bytesBefore - 1 })).removed.length, 1);
      await timed.stop();
      await timed.start();
      await sleep(3_000);
      for (const image of [old, fresh]) await pull(timed.url, image);
    } finally {
      await timed.remove();
    }
  });

  describe("verified", () => {
    const verify = async (dryRun = false) => {
      const one = client();
      try {
        return await verifyCache({ volume: cache.volume, client: one, dryRun });
      } finally {
        await one.close();
      }
    };

    it("finds every blob sound", async () => {
      const image = await pushAndPull();
      assert.deepEqual(await verify(), { blobs: 3, bytes: image.bytes, damaged: [] });
    });

    it("mends a damaged layer, a cut-off one and a damaged manifest by fetching them again", async () => {
      const image = await pushAndPull({ layers: [20_000, 30_000] });
      const damaged = [image.layers[0]!, image.layers[1]!, image.digest];
      appendFileSync(fileOf(damaged[0]!), "x");
      truncateSync(fileOf(damaged[1]!), 1_000);
      appendFileSync(fileOf(damaged[2]!), "x");
      const looked = await verify(true);
      assert.deepEqual(looked.damaged.map(({ digest }) => digest).sort(), [...damaged].sort());
      const mended = await verify();
      assert.deepEqual(
        mended.damaged.map(({ isMended }) => isMended),
        [true, true, true],
      );
      assert.deepEqual((await verify()).damaged, []);
      await upstream.stop();
      await pull(cache.url, image).finally(() => upstream.start());
    });

    it("removes a damaged layer while the upstream is away, and says when it comes back", async () => {
      const image = await pushAndPull();
      appendFileSync(fileOf(image.layers[0]!), "x");
      await upstream.stop();
      const [blob] = (await verify().finally(() => upstream.start())).damaged;
      assert.equal(blob?.isMended, false);
      assert.match(blob?.reason ?? "", /fetched when it is asked for/);
      await pull(cache.url, image);
      assert.deepEqual((await verify()).damaged, []);
    });
  });
});
