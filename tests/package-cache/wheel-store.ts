import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { storage, type RunningCaches } from "./running-caches.ts";
import { untilTrue } from "./until-true.ts";

/** Between two reads: a file system tells times apart by some milliseconds. */
const apartMs = 100;

/** The store of compiled wheels: three of these fit. */
export function describeWheelStore(given: () => RunningCaches): void {
  describe("at the wheel store", () => {
    const wheel = (name: string) => `/wheels/${name}==1/torch/key/digest/a.whl`;
    const sums = (name: string) => `/wheels/${name}==1/torch/key/SHA256SUMS`;
    let caches: RunningCaches;
    before(() => void (caches = given()));

    async function put(name: string): Promise<void> {
      const body = Buffer.alloc(0.3 * storage, name);
      assert.equal(await caches.put(wheel(name), caches.login, body), 201);
      assert.equal(await caches.put(sums(name), caches.login), 201);
      await sleep(apartMs);
    }

    it("let that go first which nobody asked for the longest, whatever the disk notes", async () => {
      for (const name of ["one", "two", "three"]) await put(name);
      // A disk with relatime notes the first read of each, and not the second one of "one"; with noatime it notes none.
      for (const name of ["one", "two", "three", "one"]) {
        assert.equal(await caches.text(sums(name)), "wheel");
        await sleep(apartMs);
      }
      await put("four");
      await untilTrue(15, async () => (await caches.status(wheel("two"))) === 404);
      for (const name of ["one", "three", "four"]) assert.equal(await caches.status(wheel(name)), 200, name);
    });

    it("clear what a put has left that was cut off, and nothing else that is old", async () => {
      await put("old");
      await caches.age(wheel("old"));
      for (const name of ["cut", "under-way"])
        assert.equal(await caches.put(wheel(name), caches.login, "half of them"), 201);
      await caches.age(wheel("cut"));
      await untilTrue(15, async () => (await caches.status(wheel("cut"))) === 404);
      for (const name of ["old", "under-way"]) assert.equal(await caches.status(wheel(name)), 200, name);
    });
  });
}
