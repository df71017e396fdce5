import assert from "node:assert/strict";
import type { CacheRecord } from "../../lib/prune/build-cache.ts";
import { planPrune, type PruneOptions } from "../../lib/prune/plan.ts";
import { content, day, fourVersions, ledgerWith, now, options, order } from "./facts.ts";

describe("the build cache in the plan of a prune", () => {
  const record = (id: string, more: Partial<CacheRecord> = {}): CacheRecord => ({
    id,
    parents: [],
    type: "regular",
    bytes: 10,
    inUse: false,
    shared: false,
    lastUsed: now - day,
    ...more,
  });
  const old = now - 30 * day;
  const ids = (cache: CacheRecord[], more: Partial<PruneOptions> = {}) =>
    planPrune(content([], { cache }), ledgerWith({}), { ...options, ...more }).records.map(({ id }) => id);

  it("goes by age, but cache mounts stay", () => {
    const cache = [
      record("young"),
      record("old", { lastUsed: old }),
      record("context", { lastUsed: old, type: "source.local" }),
      record("downloads", { lastUsed: old, type: "exec.cachemount" }),
    ];
    assert.deepEqual(ids(cache), ["old", "context"]);
  });

  it("never goes while a build or an image has it, or as BuildKit's own", () => {
    const cache = [
      record("building", { lastUsed: old, inUse: true }),
      record("image", { lastUsed: old, shared: true }),
      record("front end", { lastUsed: old, type: "frontend" }),
      record("internal", { lastUsed: old, type: "internal" }),
    ];
    assert.deepEqual(ids(cache), []);
    assert.deepEqual(ids(cache, { keepBytes: 0 }), []);
  });

  it("stays as long as something younger stands on it", () => {
    const cache = [
      record("below", { lastUsed: old }),
      record("above", { parents: ["below"] }),
      record("other", { lastUsed: old }),
      record("on other", { parents: ["other"], lastUsed: old }),
    ];
    assert.deepEqual(ids(cache), ["on other", "other"]);
  });

  it("goes by size, what was not used for longest first and cache mounts last", () => {
    const cache = [
      record("a", { lastUsed: now - 3 * day }),
      record("b", { lastUsed: now - 2 * day, parents: ["a"] }),
      record("c", { lastUsed: now - day }),
      record("mount", { lastUsed: now - 9 * day, type: "exec.cachemount" }),
      record("in an image", { lastUsed: now - 9 * day, shared: true }),
    ];
    assert.deepEqual(ids(cache, { keepBytes: 40 }), []);
    assert.deepEqual(ids(cache, { keepBytes: 39 }), ["b"]);
    assert.deepEqual(ids(cache, { keepBytes: 10 }), ["b", "a", "c"]);
    assert.deepEqual(ids(cache, { keepBytes: 0 }), ["b", "a", "c", "mount"]);
  });

  it("goes with the layers that only removed images had, and what stands on these", () => {
    const cache = [
      record("base", { bytes: 50, shared: true }),
      record("layer a", { bytes: 100, shared: true, parents: ["base"] }),
      record("wheel", { bytes: 7, parents: ["layer a"] }),
      record("layer b", { bytes: 20, shared: true, parents: ["base"] }),
      record("layer d", { bytes: 4, shared: true, parents: ["base"] }),
      record("wheel of today", { bytes: 9, parents: ["layer d"] }),
    ];
    const plan = planPrune(content(fourVersions, { cache }), ledgerWith({ versions: order }), options);
    assert.deepEqual(
      plan.records.map(({ id }) => id),
      ["wheel"],
    );
    assert.deepEqual(plan.items.at(-1), {
      kind: "build cache",
      name: "build steps: 1",
      bytes: 7,
      why: "on layers that no image has any more",
    });
    assert.deepEqual([plan.bytes, plan.atMostBytes], [127, 127]);
  });

  it("counts as a bound what may stand on removed layers: records that came from an image have no size", () => {
    const cache = [
      record("base", { bytes: 0, shared: true }),
      record("some layer", { bytes: 0, shared: true, parents: ["base"] }),
      record("wheel", { bytes: 7, parents: ["some layer"] }),
    ];
    const plan = planPrune(content(fourVersions, { cache }), ledgerWith({ versions: order }), options);
    assert.deepEqual(plan.records, []);
    assert.deepEqual([plan.bytes, plan.atMostBytes], [120, 127]);
  });
});
