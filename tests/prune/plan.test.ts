import assert from "node:assert/strict";
import { pathComponent } from "../../lib/images/image-reference.ts";
import { planPrune } from "../../lib/prune/plan.ts";
import { content, fourVersions, ledgerWith, options, order, removed, type MadeImage } from "./facts.ts";

describe("the plan of a prune", () => {
  it("removes versions beyond the last N in the recorded order, with the bytes that only they have", () => {
    const plan = planPrune(content(fourVersions), ledgerWith({ versions: order }), options);
    assert.deepEqual(removed(plan), ["localhost:1/dev/app:a 100", "localhost:1/dev/app:b 20"]);
    assert.equal(plan.bytes, 120);
    assert.deepEqual(plan.notes, []);
  });

  it("follows the order of use, not of building", () => {
    const wentBack = { "dev/app": ["a", "d", "c", "b"].map((hash) => `localhost:1/dev/app:${hash}`) };
    const plan = planPrune(content(fourVersions), ledgerWith({ versions: wentBack }), options);
    assert.deepEqual(removed(plan), ["localhost:1/dev/app:b 20", "localhost:1/dev/app:c 3"]);
  });

  it("keeps what a container uses, running or not, and says so", () => {
    const containers = [
      { id: "1", name: "worker", state: "exited", image: "id3" },
      { id: "2", name: "api", state: "running", image: "id2" },
    ];
    const plan = planPrune(content(fourVersions, { containers }), ledgerWith({ versions: order }), options);
    assert.deepEqual(removed(plan), []);
    assert.deepEqual(plan.notes, [
      "localhost:1/dev/app:b stays: used by api (running)",
      "localhost:1/dev/app:a stays: used by worker (exited)",
    ]);
  });

  it("keeps what somebody gave a name of their own", () => {
    const images = structuredClone(fourVersions);
    images[3]!.tags.push("backup:monday");
    const plan = planPrune(content(images), ledgerWith({ versions: order }), options);
    assert.deepEqual(removed(plan), ["localhost:1/dev/app:b 20"]);
    assert.deepEqual(plan.notes, ["localhost:1/dev/app:a stays: it is also backup:monday"]);
  });

  it("never touches foreign images, and counts what docker image prune would free of those without a name", () => {
    const foreign: MadeImage[] = [
      { tags: ["postgres:16"], layers: { pg: 400 } },
      { tags: [], layers: { base: 50, x: 7000 } },
      { tags: [], layers: { y: 30 } },
      { tags: ["localhost:1/dev/former/app:1"], layers: { z: 30 } },
    ];
    const containers = [{ id: "1", name: "db", state: "exited", image: "id6" }];
    const plan = planPrune(
      content([...fourVersions.slice(0, 1), ...foreign], { containers }),
      ledgerWith({ versions: order }),
      options,
    );
    assert.deepEqual(removed(plan), []);
    assert.deepEqual(plan.notes, [
      "2 images without a name (7.03 kB) may be somebody's: docker image prune removes them",
    ]);
  });

  it("keeps the versions of a stack that nothing here knows, and says why", () => {
    const images = ["a", "b", "c", "d"].map((hash) => ({
      tags: [`localhost:1/far/app:${hash}`],
      layers: { [hash]: 5 },
    }));
    const plan = planPrune(content(images), ledgerWith({}), options);
    assert.deepEqual(removed(plan), []);
    assert.deepEqual(plan.notes, [
      'localhost:1/far/app: all 4 stay, because nothing here says how many the stack "far" keeps',
    ]);
  });

  it("keeps all versions where their order is not recorded", () => {
    const plan = planPrune(content(fourVersions), ledgerWith({}), options);
    assert.deepEqual(removed(plan), []);
    assert.deepEqual(plan.notes, [
      "localhost:1/dev/app: all 4 stay, because their order is not recorded here",
    ]);
  });

  it("takes a stack of another clone at what its last run recorded", () => {
    const images = ["a", "b", "c"].map((hash) => ({
      tags: [`localhost:1/far/app:${hash}`],
      layers: { [hash]: 5 },
    }));
    const versions = { "far/app": ["c", "b", "a"].map((hash) => `localhost:1/far/app:${hash}`) };
    const ledger = ledgerWith({ versions, keeps: { far: { versions: 2 } } });
    assert.deepEqual(removed(planPrune(content(images), ledger, options)), ["localhost:1/far/app:a 5"]);
  });

  it("finds a stack by a name that cannot stand in a reference", () => {
    const names = ["b", "a"].map((hash) => `localhost:1/${pathComponent("Dev_X")}/app:${hash}`);
    assert.ok(!names[0]!.includes("Dev_X"));
    const images = names.map((name, index) => ({ tags: [name], layers: { [name]: 5 }, days: index + 1 }));
    const ledger = ledgerWith({ versions: { "Dev_X/app": names } });
    const settings = new Map([["Dev_X", { versions: 1 }]]);
    assert.deepEqual(removed(planPrune(content(images), ledger, { ...options, settings })), [
      `${names[1]} 5`,
    ]);
  });

  it("leaves a version that no run has finished yet, and takes it a day later", () => {
    const fresh = (days: number): MadeImage[] => [
      ...fourVersions.slice(0, 2),
      { tags: ["localhost:1/dev/app:new"], layers: { n: 9 }, days },
    ];
    const versions = { "dev/app": order["dev/app"].slice(0, 2) };
    const plan = planPrune(content(fresh(0.5)), ledgerWith({ versions }), options);
    assert.deepEqual(removed(plan), []);
    assert.match(plan.notes[0]!, /app:new stays: it is new/);
    assert.deepEqual(removed(planPrune(content(fresh(2)), ledgerWith({ versions }), options)), [
      "localhost:1/dev/app:new 9",
    ]);
  });

  it("takes what a destroyed stack had to leave, once no container holds it", () => {
    const versions = { "dev/app": ["localhost:1/dev/app:a"] };
    const ledger = ledgerWith({ versions, released: ["localhost:1/dev/app:a"] });
    const images = [fourVersions[3]!];
    assert.deepEqual(removed(planPrune(content(images), ledger, options)), ["localhost:1/dev/app:a 150"]);
    const containers = [{ id: "1", name: "worker", state: "exited", image: "id0" }];
    assert.deepEqual(removed(planPrune(content(images, { containers }), ledger, options)), []);
  });

  it("counts a shared image once, and only when its last name goes", () => {
    const shared: MadeImage[] = [
      { tags: ["localhost:1/dev/app:c"], layers: { c: 1 }, days: 1 },
      { tags: ["localhost:1/dev/app:a", "localhost:1/two/app:a"], layers: { a: 100 }, days: 4 },
      { tags: ["localhost:1/two/app:c"], layers: { c2: 1 }, days: 1 },
    ];
    const one = (stack: string) => ({
      [`${stack}/app`]: ["c", "a"].map((hash) => `localhost:1/${stack}/app:${hash}`),
    });
    const versions = { ...one("dev"), ...one("two") };
    const both = new Map(["dev", "two"].map((stack) => [stack, { versions: 1 }]));
    const onlyDev = planPrune(content(shared), ledgerWith({ versions }), {
      ...options,
      settings: new Map([
        ["dev", { versions: 1 }],
        ["two", { versions: 2 }],
      ]),
    });
    assert.deepEqual(removed(onlyDev), ["localhost:1/dev/app:a 0"]);
    const plan = planPrune(content(shared), ledgerWith({ versions }), { ...options, settings: both });
    assert.deepEqual(removed(plan), ["localhost:1/dev/app:a 0", "localhost:1/two/app:a 100"]);
  });

  it("holds former versions below the ceiling, and never counts a current image out", () => {
    const ledger = ledgerWith({ versions: order });
    const within = (storage: number) =>
      removed(
        planPrune(content(fourVersions), ledger, {
          ...options,
          settings: new Map([["dev", { versions: 4, storage }]]),
        }),
      );
    assert.deepEqual(within(123), []);
    assert.deepEqual(within(122), ["localhost:1/dev/app:a 100"]);
    assert.deepEqual(within(0), [
      "localhost:1/dev/app:a 100",
      "localhost:1/dev/app:b 20",
      "localhost:1/dev/app:c 3",
    ]);
  });

  it("lists volumes of stacks that are gone, and removes them only when told to", () => {
    const volumes = ["dev", "gone", "state", "used"].map((stack) => ({
      name: `v-${stack}`,
      stack,
      bytes: 5000,
      inUse: stack === "used",
    }));
    const ledger = ledgerWith({ versions: order });
    const where = { ...options, stacksWithState: new Set(["state"]) };
    const plan = planPrune(content(fourVersions.slice(0, 1), { volumes }), ledger, where);
    assert.deepEqual(removed(plan), []);
    assert.deepEqual(plan.notes, [
      'volume v-gone (5 kB) stays: the stack "gone" has neither containers nor images nor a state here; --volumes removes it',
    ]);
    const told = planPrune(content(fourVersions.slice(0, 1), { volumes }), ledger, {
      ...where,
      volumes: true,
    });
    assert.deepEqual(removed(told), ["v-gone 5000"]);
    assert.deepEqual(told.volumes, ["v-gone"]);
  });
});
