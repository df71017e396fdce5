import assert from "node:assert/strict";
import { neededText } from "../../lib/images/needed.ts";
import type { ImageState } from "../../provider/image.ts";
import { usePruneProject } from "./prune-project.ts";

describe("keepStorage at up", function () {
  this.timeout(180_000);
  const { project, engine, docker, up, names } = usePruneProject("keep-storage");

  it("former versions go, oldest first, when together they take more", async () => {
    const states: ImageState[] = [];
    for (const bytes of [100_000, 90_000, 80_000])
      states.push(await up("dev", bytes, { keepStorage: 190_000 }));
    for (const { reference } of states) assert.ok(await engine().image(reference), reference);
    states.push(await up("dev", 70_000, { keepStorage: 190_000 }));
    assert.ok(
      project.said.some((line) => line.startsWith("beyond keepStorage, removed: ")),
      project.said.join("\n"),
    );
    const there = await Promise.all(
      states.map(async ({ reference }) => (await engine().image(reference)) !== undefined),
    );
    assert.deepEqual(there, [false, true, true, true]);
    states.push(await up("dev", 60_000, { keepStorage: 0 }));
    assert.deepEqual(
      (await names()).filter((name) => name.startsWith("localhost:1/dev/app:")),
      [states[4]!.reference],
    );
  });

  it("what the stack is about to go back to stays, and what a container uses", async () => {
    const first = await up("dev", 10_000);
    const second = await up("dev", 20_000);
    await docker("create", "--name", "user", "--network", "none", second.reference, "true");
    await up("dev", 30_000, { keepStorage: 0, needed: neededText([first.reference]) });
    assert.ok(await engine().image(first.reference));
    assert.ok(await engine().image(second.reference));
    await docker("rm", "user");
  });

  it("no other stack's version goes", async () => {
    const others = [await up("far", 10_000), await up("far", 20_000)];
    await up("dev", 30_000);
    await up("dev", 40_000, { keepStorage: 0 });
    for (const { reference } of others) assert.ok(await engine().image(reference), reference);
  });
});
