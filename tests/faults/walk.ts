import assert from "node:assert/strict";
import { engineContent } from "../integration/machine.ts";
import { Random } from "./random.ts";
import { stacks, Walk, withoutCacheImage } from "./two-stacks-walk.ts";

const steps = {
  "up a": (walk: Walk) => walk.up("a"),
  "up b": (walk: Walk) => walk.up("b"),
  "destroy a": (walk: Walk) => walk.destroy("a"),
  "destroy b": (walk: Walk) => walk.destroy("b"),
  "both at once": (walk: Walk) => walk.both(),
  "kill up a": (walk: Walk) => walk.killUp("a"),
  "kill up b": (walk: Walk) => walk.killUp("b"),
  "edit a key": (walk: Walk) => walk.editKey(),
  "edit mirrors": (walk: Walk) => walk.editMirrors(),
  "kill the engine": (walk: Walk) => walk.restartEngine(true),
  "restart the engine": (walk: Walk) => walk.restartEngine(false),
};
type StepName = keyof typeof steps;

/** A random walk of two stacks on one engine, beside somebody who edits daemon.json by hand. */
export function describeWalk(count: number): void {
  describe("a random walk of two stacks on one engine", function () {
    this.timeout(10 * 60_000);
    const random = new Random();
    let walk: Walk;
    before(async () => {
      walk = await Walk.begin(random);
    });
    after(() => walk?.end());

    for (let index = 0; index < count; index += 1) {
      it(`keeps what must be kept (GBH_SEED=${random.seed}, step ${index + 1} of ${count})`, async () => {
        const step = random.pick(Object.keys(steps) as StepName[]);
        console.log(`        ${step}`);
        await steps[step](walk);
        await walk.check();
      });
    }

    it("ends with the engine as it was", async () => {
      for (const stack of stacks) await walk.destroy(stack);
      await walk.check();
      assert.deepEqual(withoutCacheImage(await engineContent(walk.project)), withoutCacheImage(walk.content));
      console.log(`        daemon.json was read ${walk.watched.looks} times`);
    });
  });
}
