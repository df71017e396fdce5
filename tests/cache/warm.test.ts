import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lookAtCache } from "../../lib/cache-store/look.ts";
import { makeRoom } from "../../lib/cache-store/room.ts";
import { blobFolder, storeFolder } from "../../lib/cache-store/volume.ts";
import { warmImage, type WarmOptions, type WarmWish, type Warmed } from "../../lib/cache-store/warm.ts";
import { FaultyUpstream, type Fault } from "../faults/faulty-upstream.ts";
import { pull, pushImage, type TestImage } from "./images.ts";
import { pushIndex } from "./index-image.ts";
import { RegistryProcess } from "./registry-process.ts";

describe("cache warm", function () {
  this.timeout(60_000);
  let registry: RegistryProcess;
  let upstream: FaultyUpstream;
  let cache: RegistryProcess;

  before(async () => {
    registry = await RegistryProcess.start();
    upstream = new FaultyUpstream(registry.url);
    await upstream.arrive();
    cache = await RegistryProcess.start({ upstream: upstream.url });
  });
  after(async () => {
    upstream.heal();
    await upstream.leave();
    await cache.remove();
    await registry.remove();
  });
  afterEach(() => upstream.heal());

  interface Wanted {
    version?: string;
    idleMs?: number;
    options?: Partial<WarmOptions>;
  }

  async function warm(image: TestImage, wanted: Wanted = {}): Promise<Warmed> {
    const client = cache.client(wanted.idleMs);
    try {
      return await warmImage(
        { ...wishFor(image), ...(wanted.version && { version: wanted.version }) },
        {
          client,
          volume: cache.volume,
          signal: new AbortController().signal,
          makeRoom: () => Promise.resolve(),
          onProgress: () => {},
          pauseMs: 50,
          ...wanted.options,
        },
      );
    } finally {
      await client.close();
    }
  }

  function wishFor({ repository, digest }: TestImage): WarmWish {
    const name = repository.replace("library/", "");
    return { name, repository, version: digest, platform: "linux/amd64" };
  }

  const isComplete = async ({ repository, digest }: TestImage) =>
    (await lookAtCache(cache.volume)).images.some(
      (image) => image.repository === repository && image.digest === digest && image.isComplete,
    );
  /** Pulls everything of an image while the upstream refuses connections. */
  async function pullAlone(image: TestImage): Promise<void> {
    await upstream.leave();
    await pull(cache.url, image).finally(() => upstream.arrive());
  }

  it("has the cache fetch every part, and only once", async () => {
    const image = await pushImage(registry.port, { layers: [30_000, 20_000, 10_000, 5_000] });
    const progress: number[] = [];
    const warmed = await warm(image, { options: { onProgress: (done, all) => progress.push(done / all) } });
    assert.equal(warmed.digest, image.digest);
    assert.ok(warmed.fetched > 65_000 && warmed.present === 0);
    assert.equal(progress.at(-1), 1);
    const asked = upstream.requests.length;
    assert.deepEqual(await warm(image), { digest: image.digest, fetched: 0, present: warmed.fetched });
    assert.equal(upstream.requests.length, asked, "the upstream is not asked again");
    await pullAlone(image);
  });

  it("takes what an index has for this platform, and nothing else of it", async () => {
    const { index, fitting, other } = await pushIndex(registry.port);
    await warm(index);
    assert.ok(await isComplete(index));
    await pullAlone({ ...fitting, repository: index.repository });
    for (const digest of [other.digest, ...other.layers])
      assert.ok(!existsSync(join(cache.root, storeFolder, blobFolder(digest))));
  });

  it("resolves a tag, which the cache then knows without its upstream", async () => {
    const image = await pushImage(registry.port);
    assert.equal((await warm(image, { version: "1" })).digest, image.digest);
    await upstream.leave();
    await pull(cache.url, image, "1").finally(() => upstream.arrive());
  });

  it("names what there is where an image is for other platforms only", async () => {
    const { index } = await pushIndex(registry.port, { fitting: "linux/riscv64" });
    await assert.rejects(warm(index), /is not for linux\/amd64; it is for linux\/riscv64, linux\/arm64/);
  });

  it("makes room before it fetches, and fetches nothing where there is none", async () => {
    const image = await pushImage(registry.port, { layers: [40_000] });
    const asked: number[] = [];
    const makeRoom = async (bytes: number) => {
      asked.push(bytes);
      throw new Error("no room");
    };
    await assert.rejects(warm(image, { options: { makeRoom } }), /no room/);
    assert.ok(asked.length === 1 && asked[0]! > 40_000);
    assert.ok(!existsSync(join(cache.root, storeFolder, blobFolder(image.layers[0]!))));
  });

  const faults: [Fault, RegExp][] = [
    ["too many requests", /toomanyrequests.*it answers 429 \(too many requests\): wait, then run again/],
    ["server error", /500 Internal Server Error; nothing of it was kept/],
    ["truncated", /unexpected EOF; nothing of it was kept/],
    ["wrong bytes", /content does not match digest; nothing of it was kept/],
    ["stall", /no byte came in 0\.5 s/],
  ];
  for (const [fault, words] of faults) {
    it(`stores nothing bad, serves what it has meanwhile, and goes on afterwards: ${fault}`, async () => {
      const cached = await pushImage(registry.port);
      await warm(cached);
      const image = await pushImage(registry.port, { layers: [25_000] });
      upstream.breaks(fault, new RegExp(`${image.repository}/blobs/`));
      const failing = assert.rejects(warm(image, { idleMs: 500 }), words);
      await pull(cache.url, cached);
      assert.equal((await warm(cached)).fetched, 0);
      await failing;
      assert.ok(!existsSync(join(cache.root, storeFolder, blobFolder(image.layers[0]!))));
      upstream.heal();
      await warm(image);
      assert.ok(await isComplete(image));
      await pullAlone(image);
    });
  }

  it("has nothing to ask of an upstream that is away where the cache has everything", async () => {
    const [cached, other] = [await pushImage(registry.port), await pushImage(registry.port)];
    await warm(cached);
    await upstream.leave();
    try {
      assert.equal((await warm(cached)).fetched, 0);
      await assert.rejects(warm(other), /connection refused; check the network and registryCache\.upstream/);
    } finally {
      await upstream.arrive();
    }
  });

  describe("on a full disk", () => {
    let small: RegistryProcess;
    before(async () => {
      small = await RegistryProcess.start({ upstream: upstream.url, diskBytes: 4_000_000 });
    });
    after(() => small.remove());

    const warmThere = (image: TestImage, makeRoom: WarmOptions["makeRoom"]) =>
      warmImage(wishFor(image), {
        ...{ client: small.client(), volume: small.volume, signal: new AbortController().signal },
        ...{ makeRoom, onProgress: () => {}, pauseMs: 50 },
      });
    const roomOnDisk = (bytes: number) =>
      makeRoom(bytes, {
        ...{ volumes: [small.volume], volume: small.volume, limit: undefined },
        ...{ pins: { names: new Map(), notes: [] }, size: (bytes) => `${bytes} bytes` },
      });

    it("says beforehand what does not fit", async () => {
      const image = await pushImage(registry.port, { layers: [3_500_000] });
      await assert.rejects(
        warmThere(image, roomOnDisk),
        /^UserError: 3500\d{3} bytes do not fit on the disk of the cache test-cache: \d+ bytes are free: make room/,
      );
    });

    it("keeps nothing of what did not fit in the end, serves what it has, and goes on when there is room", async () => {
      const [cached, image] = [
        await pushImage(registry.port, { layers: [500_000] }),
        await pushImage(registry.port, { layers: [1_500_000] }),
      ];
      await warmThere(cached, roomOnDisk);
      const filling = join(small.root, "filling");
      writeFileSync(filling, Buffer.alloc(2_500_000));
      await assert.rejects(
        warmThere(image, () => Promise.resolve()),
        /no space left on device; make room on the engine's disk .* What it has is kept$/,
      );
      await pull(small.url, cached);
      rmSync(filling);
      const { content } = await lookAtCache(small.volume);
      assert.ok(!content.blobs.has(image.layers[0]!));
      await warmThere(image, roomOnDisk);
      await pull(small.url, image);
    });
  });

  it("is stopped at once, leaves no half download, and goes on with what is missing", async () => {
    const image = await pushImage(registry.port, { layers: [3_000, 4_000, 5_000, 2_000_000] });
    upstream.breaks("stall", new RegExp(image.layers[3]!));
    const abort = new AbortController();
    const small = [image.config, ...image.layers.slice(0, 3)].map((digest) =>
      join(cache.root, storeFolder, blobFolder(digest)),
    );
    const running = warm(image, { options: { signal: abort.signal } });
    while (!small.every((folder) => existsSync(folder))) await new Promise((done) => setTimeout(done, 20));
    const stopped = Date.now();
    abort.abort();
    await assert.rejects(running, { name: "AbortError" });
    assert.ok(Date.now() - stopped < 1_000);
    upstream.heal();
    const { fetched, present } = await warm(image);
    assert.ok(present > 12_000 && fetched === 2_000_000, `${fetched} fetched, ${present} were there`);
    const { unfinished } = (await lookAtCache(cache.volume)).content;
    assert.deepEqual(
      unfinished.filter(({ folder }) => folder.includes(image.repository)),
      [],
    );
  });

  it("goes on after the registry was killed in the middle", async () => {
    const image = await pushImage(registry.port, { layers: [1_500_000] });
    let killed: Promise<void> | undefined;
    const failing = warm(image, {
      options: { onProgress: (done) => void (killed ??= done > 0 ? cache.stop("SIGKILL") : undefined) },
    });
    await assert.rejects(failing, /cannot get it: the answer was cut off/);
    await killed;
    await cache.start();
    await warm(image);
    assert.ok(await isComplete(image));
  });
});
