import assert from "node:assert/strict";
import { goalsOf } from "../../bench/goals.ts";
import { promisesOf } from "../../bench/promises.ts";
import type { BenchResult } from "../../bench/result.ts";
import { figure, madeResult } from "./made-result.ts";

function goal(result: BenchResult, start: string) {
  const found = goalsOf(result).find((one) => one.goal.startsWith(start));
  assert.ok(found, `there is no goal "${start}"`);
  return found;
}

describe("goals of a benchmark", () => {
  it("are all not measured where nothing was measured", () => {
    const verdicts = goalsOf(madeResult([], { emptyProgram: [] })).map(({ verdict }) => verdict);
    assert.deepEqual([...new Set(verdicts)], ["not measured"]);
  });

  it("compare nothing changed with an empty program and with compose", () => {
    const compose = figure("guide-pip", "nothing-changed", 1);
    const at = (seconds: number) => madeResult([compose, figure("stack-uv", "nothing-changed", seconds)]);
    assert.equal(goal(at(2.9), "nothing changed: at most docker compose").verdict, "met");
    assert.deepEqual(goal(at(3.1), "nothing changed: at most docker compose"), {
      goal: "nothing changed: at most docker compose build + 2 s",
      verdict: "not met",
      why: "3.1 s against 1.0 s; an empty Pulumi program alone takes 1.5 s",
    });
    assert.equal(goal(at(4.5), "nothing changed: at most 3 ×").verdict, "met");
    assert.deepEqual(goal(at(4.6), "nothing changed: at most 3 ×"), {
      goal: "nothing changed: at most 3 × an empty Pulumi program",
      verdict: "not met",
      why: "4.6 s against 1.5 s: 3.1 ×",
    });
  });

  it("hold the first build against before with pip and with uv apart", () => {
    const result = madeResult([
      figure("before-pip", "first-build", 265),
      figure("before-uv", "first-build", 200),
      figure("bake-uv", "first-build", 130),
      figure("stack-uv", "first-build", 137),
    ]);
    assert.equal(goal(result, "first build: at least 45 % under before with pip").verdict, "met");
    assert.deepEqual(goal(result, "first build: at least 45 % under before with uv"), {
      goal: "first build: at least 45 % under before with uv",
      verdict: "not met",
      why: "137 s against 200 s: 31 % less",
    });
    assert.equal(goal(result, "first build: at most bake + 5 %").verdict, "not met");
  });

  it("allow the registry's own image, and nothing else, after all is lost but the caches", () => {
    const at = (images: number, python: number) => {
      const figures = (["stack-uv", "stack-packages"] as const).map((way) =>
        figure(way, "all-lost", 9, { outside: { images, python } }),
      );
      const result = madeResult(figures);
      const start = "all lost but the caches";
      assert.equal(goal(result, `${start}: 0 bytes of images`).verdict, images < 2e7 ? "met" : "not met");
      return goal(result, `${start}, with packageCache`);
    };
    assert.equal(at(19_000_000, 0).verdict, "met");
    assert.equal(at(40_000_000, 0).verdict, "not met");
    assert.deepEqual(at(19_000_000, 71_000_000).verdict, "not met");
    assert.match(at(19_000_000, 71_000_000).why, /images 19\.0 MB, python 71\.0 MB/);
  });

  it("hold the torch base against its parts, in the middle of all rounds", () => {
    const part = (base: number, line = "full speed") => ({
      line,
      round: 1,
      base: base + 45,
      besides: 45,
      download: 30,
      copy: 20,
      export: 10,
    });
    const at = (...baseParts: ReturnType<typeof part>[]) => goal(madeResult([], { baseParts }), "torch base");
    assert.equal(at(part(66)).verdict, "met");
    assert.deepEqual(at(part(50), part(70), part(90), part(1, "20 Mbit/s")), {
      goal: "torch base: within 10 % of its own parts",
      verdict: "not met",
      why: "70.0 s against 60.0 s (download 30.0 + copy 20.0 + export 10.0); the other 45.0 s of its 115 s: the pull, Debian's packages, uv, its check",
    });
    assert.equal(at().verdict, "not measured");
  });

  it("want torch on the disk once, and say nothing of it with a stand-in", () => {
    const figures = [
      figure("before-uv", "first-build", 1, { uniqueBytes: 16.4e9 }),
      figure("stack-uv", "first-build", 1, { uniqueBytes: 9.4e9 }),
    ];
    assert.equal(goal(madeResult(figures), "unique bytes").verdict, "met");
    assert.equal(goal(madeResult(figures, { kind: "quick" }), "unique bytes").verdict, "not measured");
  });
});

describe("the guide's promises", () => {
  it("are kept or not kept against its own before, for its own way and for this stack", () => {
    const result = madeResult([
      figure("before-pip", "dependency-change", 100, { outside: { python: 1000 } }),
      figure("guide-pip", "dependency-change", 15, { outside: { python: 200 } }),
      figure("stack-uv", "dependency-change", 30, { outside: { python: 50 } }),
    ]);
    const promised = (start: string) => promisesOf(result).find(({ promise }) => promise.startsWith(start));
    assert.deepEqual(promised("dependency change"), {
      promise: "dependency change 80 % faster",
      guide: "kept: 85 % less",
      stack: "not kept: 70 % less",
    });
    assert.deepEqual(promised("90 % fewer bytes on a rebuild"), {
      promise: "90 % fewer bytes on a rebuild (dependency change)",
      guide: "not kept: 80 % less",
      stack: "kept: 95 % less",
    });
    assert.equal(promised("first build")?.stack, "not measured");
  });

  it("leave the registry's own image out of the images that were downloaded again", () => {
    const result = madeResult([
      figure("before-pip", "all-lost", 9, { outside: { images: 21_000_000 } }),
      figure("guide-pip", "all-lost", 9, { outside: { images: 40_000_000 } }),
      figure("stack-uv", "all-lost", 9, { outside: { images: 19_000_000 } }),
    ]);
    const row = promisesOf(result).find(({ promise }) => promise.includes("of images downloaded again"));
    assert.deepEqual([row?.guide, row?.stack], ["not kept: 0 % less", "kept: 100 % less"]);
  });
});
