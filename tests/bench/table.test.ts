import assert from "node:assert/strict";
import { chartOf } from "../../bench/chart.ts";
import { markdownOf, secondsTable } from "../../bench/table.ts";
import { ways } from "../../bench/ways.ts";
import { failure, figure, madeResult } from "./made-result.ts";

const result = madeResult([
  figure("before-pip", "first-build", 100),
  figure("before-uv", "first-build", 80),
  figure("bake-uv", "first-build", 30),
  figure("stack-uv", "first-build", 40, { smokeSeconds: 3 }),
  figure("stack-packages", "first-build", 60),
  failure("guide-pip", "first-build", "no space left | on device"),
  figure("stack-uv", "refused-upgrade", 2, { outcome: "refused" }),
]);

describe("tables of a benchmark", () => {
  it("have a row for each scenario and a column for each way that was played", () => {
    const [head = "", , row = "", ...rest] = secondsTable(result, "full speed").split("\n");
    assert.deepEqual(cells(head), [
      "",
      "before, pip",
      "before, uv",
      "guide, pip",
      "bake, uv",
      "this stack, uv",
      "this stack, uv, package cache",
      "smoke tests",
    ]);
    assert.deepEqual(cells(row), [
      "first build",
      "100",
      "80.0",
      "failed: no space left \\| on device",
      "30.0 (0.38)",
      "40.0 (0.50)",
      "60.0 (0.75)",
      "3.0",
    ]);
    assert.match(rest[0] ?? "", /^\| upgrade that cannot work .* 2\.0, refused \| – \|  \|$/);
  });

  it("tell what a way has no means for from what has failed", () => {
    const no = "no service can follow to this torch";
    const { measurements } = result;
    const impossible = failure("before-uv", "second-stack", no, { impossible: true });
    assert.match(
      secondsTable(madeResult([...measurements, impossible]), "full speed"),
      new RegExp(`^\\| second CUDA stack .* impossible: ${no} `, "m"),
    );
  });

  it("name machine, line, rounds and stand-ins below each", () => {
    const tables = markdownOf(result).split(/^\| .*\n\|(?: --- \|)+$/m).length - 1;
    const captions = markdownOf(result).match(
      /^_2 × Some CPU, .*; full speed; one round\. Stand-ins: a thing for another\._$/gm,
    );
    assert.equal(tables, 5);
    assert.equal(captions?.length, tables);
  });

  it("say where this stack is slower, and by whom", () => {
    assert.match(markdownOf(result), /^- first build, full speed: 40\.0 s; bake, uv 30\.0 s\.$/m);
  });

  it("mark a run that was stopped", () => {
    assert.doesNotMatch(markdownOf(result), /Partial/);
    assert.match(markdownOf({ ...result, partial: true }), /^\*\*Partial: the run was stopped/m);
  });

  it("come with a chart: one SVG without scripts, with every way that was played", () => {
    const svg = chartOf(result);
    assert.match(svg, /^<svg /);
    assert.doesNotMatch(svg, /<script/);
    const played = ["before-pip", "before-uv", "bake-uv", "stack-uv", "stack-packages"];
    for (const { id, title } of ways)
      assert.equal(
        svg.includes(`>${title}<`),
        played.includes(id),
        `the chart names "${title}" if it was played`,
      );
  });
});

function cells(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((text) => text.trim());
}
