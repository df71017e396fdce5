import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyEarly, withDefault } from "../../bench/dockerfile-text.ts";
import { lastWords } from "../../bench/ground.ts";
import { fullSpeed } from "../../bench/line.ts";
import { readResult } from "../../bench/read-result.ts";
import { choose, goOnWith, missing, plays } from "../../bench/plan.ts";
import { scenarios } from "../../bench/scenarios.ts";
import { steps } from "../../bench/steps.ts";
import { secondsBesidesTorch, smokeOnThePath } from "../../bench/tools/stack.ts";
import { ways } from "../../bench/ways.ts";
import { full, quick } from "../../bench/workload.ts";
import { Workspace } from "../../bench/workspace.ts";
import { failure, figure, madeResult } from "./made-result.ts";

describe("what a benchmark does", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "gbh-bench-test-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("plays every scenario that it names", () => {
    assert.deepEqual(
      Object.keys(steps),
      scenarios.map(({ id }) => id),
    );
  });

  it("takes the first build along with whatever is chosen, and names what there is for a wrong choice", () => {
    const { ways: some, scenarios: played } = choose(["bake-uv", "torch-change"]);
    assert.deepEqual(
      [some.map(({ id }) => id), played.map(({ id }) => id)],
      [["bake-uv"], ["first-build", "torch-change"]],
    );
    assert.equal(choose([]).ways.length, ways.length);
    assert.throws(
      () => choose(["bake"]),
      /--only bake: no such way or scenario\. Ways: before-pip.*Scenarios: first-build/,
    );
  });

  it("plays every way each round at full speed, and six ways with four scenarios once on a slower line", () => {
    const planned = plays(choose([]), [fullSpeed, { name: "20 Mbit/s", mbit: 20 }], 2);
    const [fast, slow] = [true, false].map((isFast) =>
      planned.filter(({ speed }) => (speed === fullSpeed) === isFast),
    );
    assert.equal(fast?.length, 2 * ways.length);
    assert.ok(fast.every((one) => one.scenarios.length === scenarios.length));
    assert.deepEqual(
      slow?.map(({ way, round }) => `${way.id} ${round}`),
      ["before-pip 1", "before-uv 1", "guide-pip 1", "bake-uv 1", "stack-uv 1", "stack-packages 1"],
    );
    assert.deepEqual(
      slow[0]?.scenarios.map(({ id }) => id),
      ["first-build", "dependency-change", "one-more-service", "all-lost"],
    );
  });

  it("goes on with an earlier result: what is whole there is not played again, what is cut off or failed is", () => {
    const earlier = madeResult([
      figure("before-pip", "first-build", 9),
      figure("before-pip", "nothing-changed", 1),
      figure("before-uv", "first-build", 8),
      figure("bake-uv", "first-build", 7),
      failure("bake-uv", "nothing-changed", "disk full"),
    ]);
    const planned = plays(choose(["before-pip", "before-uv", "bake-uv", "nothing-changed"]), [fullSpeed], 1);
    const result = goOnWith(earlier, madeResult([], { lines: ["20 Mbit/s", "full speed"] }));
    assert.deepEqual(
      missing(planned, result).map(({ way }) => way.id),
      ["before-uv", "bake-uv"],
    );
    assert.deepEqual(
      result.measurements.map(({ way }) => way),
      ["before-pip", "before-pip"],
    );
    assert.deepEqual([result.partial, result.lines], [true, ["full speed", "20 Mbit/s"]]);
    assert.throws(
      () => goOnWith(earlier, madeResult([], { kind: "quick" })),
      /start afresh, without --resume$/,
    );
  });

  it("forgets of a result only what it plays again: not what another way failed at, nor what a way has no means for", () => {
    const empty = (way: "stack-uv" | "stack-pip") => ({ way, line: "full speed", round: 1, seconds: 1 });
    const parts = { ...empty("stack-uv"), base: 9, besides: 1, download: 1, copy: 1, export: 1 };
    const earlier = madeResult(
      [
        figure("before-uv", "first-build", 8),
        failure("before-uv", "second-stack", "no bases", { impossible: true }),
        figure("bake-uv", "first-build", 7),
        failure("bake-uv", "second-stack", "disk full"),
        figure("stack-uv", "first-build", 9),
      ],
      { emptyProgram: [empty("stack-pip"), empty("stack-uv")], baseParts: [parts] },
    );
    const result = goOnWith(earlier, madeResult([]));
    const planned = plays(choose(["before-uv", "stack-uv", "second-stack"]), [fullSpeed], 1);
    assert.deepEqual(
      missing(planned, result).map(({ way }) => way.id),
      ["stack-uv"],
    );
    assert.deepEqual(
      result.measurements.map(({ way, failed }) => [way, failed]),
      [
        ["before-uv", undefined],
        ["before-uv", "no bases"],
        ["bake-uv", undefined],
        ["bake-uv", "disk full"],
      ],
    );
    assert.deepEqual([result.emptyProgram, result.baseParts], [[empty("stack-pip")], []]);
  });

  it("writes a whole folder for every way, quick and full, with the same locks in each", () => {
    for (const workload of [quick, full])
      for (const way of ways) {
        const workspace = new Workspace(join(folder, `${workload.kind}-${way.id}`), way, workload);
        const { lock, develImage } = workload.first;
        for (const file of [
          `cuda-base/locks/${lock}/torch.lock`,
          `services/infinitetalk/locks/${lock}.lock`,
          "services/one-more/Dockerfile",
        ])
          assert.ok(existsSync(workspace.path(file)), `${workspace.folder}/${file}`);
        const service = workspace.read("services/whisperx/Dockerfile");
        if (way.files !== "ours")
          assert.match(service, way.installer === "uv" ? /^ARG INSTALL="uv pip/m : /^ARG INSTALL="pip3/m);
        if (way.files === "guide")
          assert.ok(workspace.read("cuda-base/Dockerfile.devel").includes(`ARG CUDA_DEVEL="${develImage}"`));
        workspace.copyCodeEarly();
        assert.notEqual(workspace.read("services/whisperx/Dockerfile"), service);
        workspace.changeDependency(workload.first);
        workspace.touchLocks(workload.second);
      }
  });

  it("moves the code above the packages, in the last stage only", () => {
    const text = "FROM a AS b\nCOPY . /app\nFROM c\nRUN pip install x\nCOPY app /app/app\nCMD y\n";
    assert.equal(
      copyEarly(text),
      "FROM a AS b\nCOPY . /app\nFROM c\nCOPY app /app/app\nRUN pip install x\nCMD y\n",
    );
    assert.throws(() => copyEarly("FROM a AS b\nCOPY . /app\nFROM c\nRUN x\n"), /copies no code/);
  });

  it("sets defaults of arguments as text, dollar signs included", () => {
    assert.equal(withDefault('ARG A=""\nARG AB=1\n', "A", "x $& y"), 'ARG A="x $& y"\nARG AB=1\n');
  });

  it("takes from the wall time only the tests on the longest path", () => {
    const image = (name: string, seconds: number, smokeSeconds: number) => ({ name, seconds, smokeSeconds });
    const images = [
      image("cuda-base-runtime", 10, 2),
      image("cuda-base-devel", 5, 1),
      image("whisperx", 4, 7),
      image("infinitetalk", 6, 1),
    ];
    assert.equal(smokeOnThePath(images), 4); // runtime, devel, infinitetalk: 25 with, 21 without; whisperx's 7 are beside it
    assert.equal(smokeOnThePath([]), 0);
  });

  it("takes from the torch base's time what no RUN that installs its locks and no writing of the image was beside", () => {
    const dockerfile = readFileSync(
      join(import.meta.dirname, "..", "..", "cuda-base", "Dockerfile.runtime"),
      "utf8",
    );
    const runs = dockerfile.replaceAll("\\\n", " ").match(/^RUN .*/gm) ?? [];
    const ofTorch = runs.filter((line) => line.includes("from=locks"));
    assert.deepEqual([ofTorch.length, runs.length > 6], [3, true]);
    const step = (name: string, start: number, seconds: number) => ({
      ...{ name, seconds },
      began: new Date(start * 1000).toISOString(),
    });
    const [pull, uv] = ["[context nvidia/cuda:12.6.3-base-ubuntu22.04] …", runs[1]!];
    const inTurn = [pull, ...runs, "exporting to image"].map((name, index) => step(name, 10 * index, 8));
    assert.equal(secondsBesidesTorch(inTurn), 8 * (1 + runs.length - ofTorch.length));
    const beside = [
      step(uv, 0, 8),
      step(ofTorch[0]!, 3, 20),
      step(uv, 5, 9),
      step(uv, 22, 3),
      { name: uv, seconds: 5 },
    ];
    assert.equal(secondsBesidesTorch(beside), 3 + 2);
  });

  it("keeps the last words of a failed build, without BuildKit's numbers", () => {
    const output =
      "#5 0.300 fetching\n#5 1.234 ERROR: no such package\n------\n > [2/3] RUN x:\nDockerfile:7\n   7 | >>> RUN x\nERROR: exit code: 1\n";
    assert.equal(
      lastWords("docker build", output),
      "docker build: fetching | ERROR: no such package | > [2/3] RUN x: | ERROR: exit code: 1",
    );
    assert.equal(lastWords("x", ""), "x: failed without a word");
  });

  it("refuses a result that is missing, cut off or of another version", () => {
    const file = join(folder, "result.json");
    const refused = (text?: string) => {
      if (text !== undefined) writeFileSync(file, text);
      assert.throws(() => readResult(file), /result\.json is no result of .*: run the benchmark again\.$/);
    };
    refused();
    refused('{"schema": 1, "measure');
    refused('{"schema": 2, "measurements": []}');
  });
});
