import assert from "node:assert/strict";
import { checkUpgrade, printUpgrades, toBuild } from "./upgrade-checks.ts";
import { UpgradeHost, type Upgrade } from "./upgrade-host.ts";

const torch27 = { cuda: "12.6", torch: "2.7.1" };
const torch28 = { cuda: "12.8", torch: "2.8.0" };
const torch211 = { cuda: "13.0", torch: "2.11.0" };
const bases = ["cuda-base-devel", "cuda-base-runtime"];

/** Downloads and stores about 13 GB: the real packages, from the index. */
describe("an upgrade of CUDA with the real packages", function () {
  this.timeout(30 * 60_000);
  const done: Upgrade[] = [];
  let host: UpgradeHost;
  let tags: Record<string, string>;

  before(async () => {
    host = await UpgradeHost.open();
    tags = await host.tags();
    host.configure(torch27, ["whisperx"]);
    await host.upgrade("2.7.1: where it begins"); // the sandbox's own layers: nothing is fetched
  });
  after(async () => {
    printUpgrades(done);
    await host.close();
    for (const [name, id] of Object.entries(tags)) assert.equal((await host.tags())[name], id, name);
  });

  const upgrade = async (name: string): Promise<Upgrade> => {
    const result = await host.upgrade(name);
    done.push(result);
    return result;
  };

  it("2.7.1 (CUDA 12.6) to 2.8.0 (12.8) builds what was said, with WhisperX, and its bill is right", async () => {
    host.configure(torch28, ["whisperx"]);
    checkUpgrade(await upgrade("2.7.1 → 2.8.0, bases and WhisperX"), [...bases, "whisperx"]);
  });

  it("goes back and forth without building or fetching anything", async () => {
    for (const [name, base] of [
      ["2.8.0 → 2.7.1, back", torch27],
      ["2.7.1 → 2.8.0, again", torch28],
    ] as const) {
      host.configure(base, ["whisperx"]);
      const { plan, built, reused, fetched } = await upgrade(name);
      assert.deepEqual([toBuild(plan), built, reused], [[], [], [...bases, "whisperx"]]);
      assert.ok(fetched < 1e6 && plan.bill.fetch.bytes === 0, `${fetched} bytes`);
    }
  });

  it("another lock of a service builds that service alone", async () => {
    const path = "services/whisperx/locks/torch2.8.0-cu128-py311.lock";
    const lock = host.read(path);
    // A package less: an entry's lines begin with its name.
    host.write(path, lock.replace(/^sortedcontainers==.*\n( {4}--hash=.*\n)+/m, ""));
    assert.notEqual(host.read(path), lock);
    const plan = await host.plan();
    assert.deepEqual(toBuild(plan), ["whisperx"]);
    host.write(path, lock);
    assert.deepEqual(toBuild(await host.plan()), []);
  });

  it("2.8.0 to 2.11.0 (CUDA 13.0) builds the bases; WhisperX cannot follow, which is said before anything is built", async () => {
    host.configure(torch211, ["whisperx"]);
    const { verdict, reasons } = await host.plan();
    const against = reasons.filter((reason) => reason.verdict === "fails").map(({ rule }) => rule);
    assert.deepEqual([verdict, against.includes("whisperx-requires")], ["fails", true], against.join());
    host.configure(torch211, []);
    checkUpgrade(await upgrade("2.8.0 → 2.11.0, bases"), bases);
  });

  it("fetches nothing on the way back, although WhisperX had left the stack", async () => {
    host.configure(torch28, ["whisperx"]);
    const back = await upgrade("2.11.0 → 2.8.0, back");
    assert.deepEqual([toBuild(back.plan), back.built, back.reused], [["whisperx"], ["whisperx"], bases]);
    assert.ok(back.fetched < 1e6 && back.plan.bill.fetch.bytes === 0, `${back.fetched} bytes`);
  });
});
