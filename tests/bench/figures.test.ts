import assert from "node:assert/strict";
import { failureOf, figuresOf, median, percentLess } from "../../bench/figures.ts";
import { bytesInWords, lessInWords, secondsInWords } from "../../bench/words.ts";
import { failure, figure, madeResult } from "./made-result.ts";

describe("figures of a benchmark", () => {
  it("takes the middle of an odd number, the mean of the two middle ones of an even number", () => {
    assert.equal(median([9, 1, 4]), 4);
    assert.equal(median([8, 2, 4, 100]), 6);
    assert.ok(Number.isNaN(median([])));
  });

  it("says how much less a value is than another, negative where it is more", () => {
    assert.equal(percentLess(10, 100), 90);
    assert.equal(percentLess(200, 100), -100);
    assert.ok(Number.isNaN(percentLess(1, 0)));
  });

  it("takes medians over the rounds that have figures, of one line only", () => {
    const result = madeResult(
      [
        figure("stack-uv", "first-build", 10, { outside: { images: 5, python: 1 } }),
        figure("stack-uv", "first-build", 30, { round: 2, outside: { images: 7, python: 3 } }),
        { ...failure("stack-uv", "first-build", "disk full"), round: 3 },
        figure("stack-uv", "first-build", 500, { line: "20 Mbit/s" }),
      ],
      { rounds: 3, lines: ["full speed", "20 Mbit/s"] },
    );
    const figures = figuresOf(result, "stack-uv", "first-build");
    assert.equal(figures?.seconds, 20);
    assert.equal(figures.outsideBytes, 8);
    assert.equal(figures.rounds, 2);
    assert.equal(figuresOf(result, "stack-uv", "first-build", "20 Mbit/s")?.seconds, 500);
    assert.equal(figuresOf(result, "bake-uv", "first-build"), undefined);
    assert.equal(failureOf(result, "stack-uv", "first-build", "full speed")?.failed, "disk full");
  });

  it("writes figures as tables have them", () => {
    assert.deepEqual([0.55, 37.64, 412.4].map(secondsInWords), ["0.6", "37.6", "412"]);
    assert.deepEqual([0, 718, 61_548_977, 5.43e9].map(bytesInWords), ["0", "< 0.1 MB", "61.5 MB", "5.43 GB"]);
    assert.deepEqual([41.6, -8.2].map(lessInWords), ["42 % less", "8 % more"]);
  });
});
