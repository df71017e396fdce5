import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { BuildSlots, roomFor, safeParallel } from "../../lib/images/build-slots.ts";

const GiB = 1024 ** 3;

describe("builds side by side", () => {
  it("are one a core, as far as memory and disk go, and never none", () => {
    const roomy = { cores: 16, memory: 512 * GiB, disk: 2e12 };
    assert.equal(safeParallel(roomy), 16);
    assert.equal(safeParallel({ ...roomy, memory: 23 * GiB }), 5);
    assert.equal(safeParallel({ ...roomy, disk: 30e9 }), 2);
    assert.equal(safeParallel({ ...roomy, disk: undefined }), 16);
    assert.equal(safeParallel({ cores: 1, memory: GiB, disk: 1e9 }), 1);
  });

  it("ask this machine for its room, and pass over a disk that cannot be looked at", async () => {
    const room = await roomFor("/nowhere/at/all");
    assert.ok(room.cores >= 1 && room.memory > 0);
    assert.equal(room.disk, undefined);
    assert.ok((await roomFor("/")).disk! > 0);
  });

  /** Work that ends when it is told to. */
  function works() {
    const running = new Map<string, () => void>();
    let most = 0;
    return {
      running,
      most: () => most,
      start: (slots: BuildSlots, name: string, limit: number, signal = new AbortController().signal) =>
        slots.hold(
          async () => limit,
          { signal },
          () =>
            new Promise<string>((resolve) => {
              running.set(name, () => {
                running.delete(name);
                resolve(name);
              });
              most = Math.max(most, running.size);
            }),
        ),
    };
  }

  it("are no more than the limit, each in its turn", async () => {
    const { start, running, most } = works();
    const slots = new BuildSlots();
    const all = Promise.all(["a", "b", "c", "d", "e"].map((name) => start(slots, name, 2)));
    const order: string[] = [];
    while (order.length < 5) {
      await turn();
      const [first] = running;
      if (!first) continue;
      order.push(first[0]);
      first[1]();
    }
    assert.deepEqual(await all, order);
    assert.deepEqual(order, ["a", "b", "c", "d", "e"]);
    assert.equal(most(), 2);
  });

  it("give their turn up when the run is stopped, and when they fail", async () => {
    const { start, running } = works();
    const slots = new BuildSlots();
    const stop = new AbortController();
    const first = start(slots, "first", 1);
    await turn();
    const waiting = start(slots, "waiting", 1, stop.signal);
    const failing = slots.hold(
      async () => 1,
      { signal: new AbortController().signal },
      () => Promise.reject(new Error("does not build")),
    );
    const last = start(slots, "last", 1);
    await turn();
    stop.abort(new Error("stopped"));
    await assert.rejects(waiting, /stopped/);
    running.get("first")!();
    assert.equal(await first, "first");
    await assert.rejects(failing, /does not build/);
    await turn();
    running.get("last")!();
    assert.equal(await last, "last");
  });
});
