import assert from "node:assert/strict";
import { blockersOf } from "../../lib/cuda/blockers.ts";
import { cudaData } from "../../lib/cuda/data.ts";
import { smallestHittingSet } from "../../lib/cuda/hitting-set.ts";
import { judge } from "../../lib/cuda/judge.ts";
import type { Combination, HostFacts } from "../../lib/cuda/types.ts";
import { combinationOf, hostOf } from "./combinations/case.ts";

const data = cudaData();
const host = hostOf({ torch: "", gpu: "NVIDIA GeForce RTX 4090", driver: "580.95.05" });
const pins = (list: string) => combinationOf({ torch: "", pins: list }).pins["service"]!;

/** Both services on torch 2.7.1 for CUDA 12.8, as the stack `dev` has them. */
const dev: Combination = {
  ...combinationOf({ torch: "2.7.1", index: "cu128", architectures: ["8.6", "8.9", "12.0"] }),
  pins: {
    whisperx: pins(
      "whisperx==3.7.3 ctranslate2==4.6.3 lightning==2.5.5 pytorch-lightning==2.5.5 pyannote-audio==3.4.0",
    ),
    infinitetalk: pins("xformers==0.0.31.post1 flash-attn==2.8.0.post2 numpy==1.26.4"),
  },
};

const names = (list: { name: string }[]) => list.map(({ name }) => name).sort();
const ask = (
  wanted: Combination,
  on: HostFacts = host,
  resolves?: (c: Combination, without: string[]) => Promise<boolean | undefined>,
) => blockersOf(dev, wanted, on, data, { resolves });

describe("Blockers of an upgrade", () => {
  it("are none where nothing fails", async () => {
    const blockers = await ask(dev);
    assert.deepEqual(blockers, { pins: [], note: "Nothing is known that blocks it." });
  });

  it("names torch and what would be in its way for CUDA 13.0, and who cannot follow", async () => {
    const { pins: blocking, nearest, note } = await ask({ ...dev, cuda: "13.0" });
    assert.deepEqual(names(blocking), ["ctranslate2", "torch", "whisperx", "xformers"]);
    assert.deepEqual(nearest!.without, ["whisperx"]);
    assert.equal(nearest!.combination.cuda, "13.0");
    assert.equal(nearest!.combination.torch, "2.9.0");
    assert.equal(nearest!.combination.cudaImage, "nvidia/cuda:13.0.2-base-ubuntu22.04");
    assert.match(note, /blocked by .*torch 2\.7\.1.* without whisperx, which cannot follow/);
  });

  it("takes PyPI's xformers that is built for CUDA 13.0, and asks a resolver nothing about who is left out", async () => {
    const questions: string[][] = [];
    const { nearest } = await ask({ ...dev, cuda: "13.0" }, host, async (_, without) => {
      questions.push(without);
      return undefined;
    });
    assert.deepEqual(questions, [["whisperx"]]);
    const moved = nearest!.changes.find(({ name }) => name === "xformers");
    assert.deepEqual([moved?.from, moved?.to], ["0.0.31.post1", "0.0.33"]);
  });

  it("says what the host has against it also where torch is still of the old CUDA version", async () => {
    const old = { ...host, driver: "570.124.06" };
    assert.match((await ask({ ...dev, cuda: "13.0" }, old)).host!, /driver 580.* or newer; the host has 570/);
    assert.equal((await ask({ ...dev, cuda: "13.0" })).host, undefined);
  });

  it("takes torch of a lock (2.7.1+cu128) and of requirements (2.7.1) for the same", async () => {
    const before = {
      ...dev,
      pins: { a: pins("torch==2.7.1+cu128 whisperx==3.7.3 ctranslate2==4.6.3") },
    };
    const wanted = {
      ...before,
      cuda: "13.0",
      pins: { a: pins("torch==2.7.1 whisperx==3.7.3 ctranslate2==4.6.3") },
    };
    const blockers = await blockersOf(before, wanted, host, data);
    assert.ok(names(blockers.pins).includes("torch"), names(blockers.pins).join());
  });

  it("moves only the companions for torch 2.8.0", async () => {
    const { pins: blocking, nearest } = await ask({ ...dev, torch: "2.8.0" });
    assert.deepEqual(names(blocking), ["whisperx", "xformers"]);
    assert.equal(blocking.find(({ name }) => name === "xformers")!.version, "0.0.31.post1");
    assert.equal(blocking.find(({ name }) => name === "xformers")!.from, "services/service/locks/a.lock:1");
    assert.deepEqual(nearest!.without, []);
    assert.deepEqual(names(nearest!.changes), ["whisperx", "xformers"]);
    assert.equal(nearest!.combination.torch, "2.8.0");
  });

  it("moves index, image and architectures for CUDA 12.6, and no pin", async () => {
    const { pins: blocking, nearest } = await ask({ ...dev, cuda: "12.6" });
    assert.deepEqual(names(blocking), ["cudaArchitectures", "packageIndex"]);
    assert.equal(nearest!.verdict, "works");
    assert.deepEqual(names(nearest!.changes), ["cudaArchitectures", "image", "packageIndex"]);
    assert.equal(nearest!.combination.packageIndex, "https://download.pytorch.org/whl/cu126");
    assert.deepEqual(nearest!.combination.cudaArchitectures, ["8.6", "8.9"]);
  });

  it("names one package where one is in the way", async () => {
    const wanted = {
      ...dev,
      pins: { ...dev.pins, infinitetalk: pins("xformers==0.0.31.post1 flash-attn==2.8.3") },
    };
    const { pins: blocking, nearest } = await ask(wanted);
    assert.deepEqual(names(blocking), ["xformers"]);
    assert.notEqual(nearest, undefined);
  });

  it("says that the host is in the way, and the nearest CUDA version that it runs", async () => {
    const wanted = {
      ...dev,
      cuda: "13.0",
      torch: "2.11.0",
      packageIndex: undefined,
      pins: {},
      cudaImage: "nvidia/cuda:13.0.2-base-ubuntu22.04",
      cudaArchitectures: ["8.9"],
    };
    const old = { ...host, driver: "570.124.06" }; // runs CUDA 12 only
    const { pins: blocking, nearest, note } = await ask(wanted, old);
    assert.deepEqual(blocking, []);
    assert.match(note, /The host blocks it: .*580/);
    assert.equal(nearest!.combination.cuda, "12.8");
  });

  it("knows no set for a GPU that nothing runs", async () => {
    const jetson = hostOf({ torch: "", gpu: "Jetson AGX Orin" });
    const { nearest, note } = await ask({ ...dev, cuda: "13.0" }, jetson);
    assert.equal(nearest, undefined);
    assert.match(note, /No set that works is known/);
  });

  it("passes over a set that the resolver refuses, and asks it no more than three times", async () => {
    const seen: string[] = [];
    const { nearest } = await ask({ ...dev, cuda: "13.0" }, host, async (combination) => {
      seen.push(combination.torch);
      return seen.length > 1 ? undefined : false;
    });
    assert.equal(seen.length, 2);
    assert.equal(nearest!.combination.torch, seen[1]);
    assert.notEqual(seen[0], seen[1]);
    let questions = 0;
    await ask({ ...dev, cuda: "13.0" }, host, async () => {
      questions++;
      return false;
    });
    assert.equal(questions, 3);
  });

  it("never offers a set that fails", async () => {
    for (const cuda of ["11.8", "12.4", "12.9", "13.2"])
      for (const driver of ["535.183.01", "580.95.05"]) {
        const on = { ...host, driver };
        const { nearest } = await ask({ ...dev, cuda }, on);
        const failing = nearest
          ? judge(nearest.combination, on, data).filter(({ verdict }) => verdict === "fails")
          : [];
        assert.deepEqual(failing, [], `CUDA ${cuda} on ${driver}`);
      }
  });
});

describe("Smallest hitting set", () => {
  const cost = (item: string) => (item === "torch" ? 100 : 1);

  it("takes one item where one is in every group", () => {
    assert.deepEqual(
      smallestHittingSet(
        [
          ["torch", "a"],
          ["torch", "b"],
        ],
        cost,
      ),
      ["torch"],
    );
  });

  it("takes the cheaper of two that are equally small", () => {
    assert.deepEqual(smallestHittingSet([["torch", "a"]], cost), ["a"]);
    assert.deepEqual(
      smallestHittingSet(
        [
          ["torch", "a"],
          ["torch", "a", "b"],
        ],
        cost,
      ),
      ["a"],
    );
  });

  it("is empty without groups", () => assert.deepEqual(smallestHittingSet([], cost), []));
});
