import assert from "node:assert/strict";
import fc from "fast-check";
import { planEviction, type EvictableCache } from "../../lib/cache-store/eviction.ts";
import { cachedImages } from "../../lib/cache-store/images.ts";
import { bytesOfContent, readListing } from "../../lib/cache-store/listing.ts";
import { removalScripts } from "../../lib/cache-store/removal.ts";
import { readUsage } from "../../lib/cache-store/usage.ts";

const hour = 3_600_000;
const now = 100_000 * hour;
const hexOf = (kind: string, number: number) => (kind + number.toString(16)).padEnd(64, "0");
const path = (hex: string) => `blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;

interface Image {
  repository: string;
  number: number;
  layers: number[];
  /** Hours ago. */
  lastUse: number;
  isNeeded: boolean;
}

/** A cache as its listing tells it: layer n has 100 + n bytes, a manifest 10. */
function cacheOf(images: Image[], orphans: { number: number; hoursAgo: number }[] = []): EvictableCache {
  const long = (now - 50 * 24 * hour) / 1000;
  const lines = images.flatMap(({ repository, number, layers }) => {
    const folder = `repositories/library/${repository}`;
    const manifest = hexOf("a", number);
    const text = { layers: layers.map((one) => ({ digest: `sha256:${hexOf("b", one)}`, size: 100 + one })) };
    return [
      `link ${folder}/_manifests/revisions/sha256/${manifest}/link`,
      `blob ${path(manifest)} 10 ${long}`,
      `manifest ${path(manifest)} ${JSON.stringify(text)}`,
      ...layers.flatMap((one) => [
        `link ${folder}/_layers/sha256/${hexOf("b", one)}/link`,
        `blob ${path(hexOf("b", one))} ${100 + one} ${long}`,
      ]),
    ];
  });
  const more = orphans.map(
    ({ number, hoursAgo }) => `blob ${path(hexOf("c", number))} 1000 ${(now - hoursAgo * hour) / 1000}`,
  );
  const content = readListing([...lines, ...more].join("\n"));
  const usage = readUsage(undefined);
  for (const { repository, number, lastUse } of images)
    usage.lastUsed[`library/${repository}@sha256:${hexOf("a", number)}`] = now - lastUse * hour;
  const needed = new Set(
    images.flatMap(({ isNeeded, number }) => (isNeeded ? [`sha256:${hexOf("a", number)}`] : [])),
  );
  return { content, images: cachedImages(content), usage, isNeeded: ({ digest }) => needed.has(digest) };
}

describe("eviction from the cache", () => {
  const image = (number: number, lastUse: number, further: Partial<Image> = {}): Image => ({
    ...{ repository: `r${number}`, number, layers: [number], lastUse, isNeeded: false },
    ...further,
  });

  it("takes as few as needed, those not used for longest first, over all caches", () => {
    const caches = [cacheOf([image(1, 5), image(2, 9)]), cacheOf([image(3, 7), image(4, 1)])];
    const { evictions, bytesAfter } = planEviction(caches, 250, now);
    const gone = evictions.map(({ images }) => images.map(({ repository }) => repository));
    assert.deepEqual(gone, [["library/r2"], ["library/r3"]]);
    assert.equal(bytesAfter, 111 + 114);
  });

  it("takes what no image needs first, but not what has just come", () => {
    const cache = cacheOf(
      [image(1, 5)],
      [
        { number: 1, hoursAgo: 0.5 },
        { number: 2, hoursAgo: 2 },
      ],
    );
    const { evictions, bytesAfter } = planEviction([cache], 1e9, now);
    assert.deepEqual(evictions[0]?.blobs, [`sha256:${hexOf("c", 2)}`]);
    assert.equal(bytesAfter, 111 + 1000);
  });

  it("takes half downloads that nobody works on", () => {
    const cache = cacheOf([image(1, 5)]);
    const folder = "repositories/library/r1/_uploads/x";
    cache.content.unfinished.push(
      { folder, bytes: 500, changedAt: now - 2 * hour },
      { folder: `${folder}y`, bytes: 700, changedAt: now - hour / 2 },
    );
    const { evictions, bytesBefore, bytesAfter } = planEviction([cache], 1e9, now);
    assert.deepEqual([evictions[0]?.unfinished, bytesBefore - bytesAfter], [[folder], 500]);
    assert.ok(removalScripts(evictions[0]!, cache.content).join("").includes(folder));
  });

  it("removes neither what is needed nor anything below it, says how much is left, and goes no further than necessary", () => {
    const anyImage = fc.record({
      repository: fc.constantFrom("x", "y"),
      layers: fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }),
      lastUse: fc.integer({ min: 0, max: 1000 }),
      isNeeded: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyImage, { maxLength: 8 }), fc.integer({ min: 0, max: 3000 }), (some, limit) => {
        const cache = cacheOf(some.map((one, number) => ({ ...one, number: number + 1 })));
        const { evictions, bytesBefore, bytesAfter } = planEviction([cache], limit, now);
        const { images, kept, blobs } = evictions[0]!;
        assert.equal(images.length + kept.length, cache.images.length);
        assert.ok(!images.some(cache.isNeeded), "what is needed stays");
        const gone = new Set(blobs);
        assert.ok(!kept.some((one) => one.blobs.some((blob) => gone.has(blob))), "whole with all its layers");
        for (const blob of blobs) cache.content.blobs.delete(blob);
        assert.equal(bytesOfContent(cache.content), bytesAfter);
        if (bytesAfter > limit) assert.ok(kept.every(cache.isNeeded), "all that may go is gone");
        if (bytesBefore <= limit) assert.equal(images.length, 0);
        const script = removalScripts(evictions[0]!, cache.content).join("\n");
        for (const one of kept)
          assert.ok(
            !script.includes(`${one.repository}/_manifests/revisions/${one.digest.replace(":", "/")}`),
          );
      }),
      { numRuns: 200 },
    );
  });
});
