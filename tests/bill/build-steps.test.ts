import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { readBuild } from "../../lib/bill/build-steps.ts";
import { writtenPlan } from "./written-plan.ts";

describe("the steps of a build", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gbh-bill-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const read = (text: string, args?: Record<string, string>, parts?: Record<string, string>) =>
    readBuild(writtenPlan(folder, text, args, parts), () => undefined);

  it("a step's key changes with what stands below, its variables and its files, and with nothing else", async () => {
    const text = "FROM busybox:1\nARG A\nRUN echo $A\nCOPY a.txt /a\nLABEL x=y\nRUN echo end\n";
    const keys = async (...given: Parameters<typeof read>) =>
      (await read(...given)).steps.map(({ key }) => key);
    const before = await keys(text, { A: "1" }, { "file a.txt": "one", "file b.txt": "one" });
    assert.equal(new Set(before).size, 3);
    assert.deepEqual(await keys(text, { A: "1" }, { "file a.txt": "one", "file b.txt": "two" }), before);
    assert.deepEqual(await keys(text.replace("x=y", "x=z"), { A: "1" }, { "file a.txt": "one" }), before);
    const file = await keys(text, { A: "1" }, { "file a.txt": "two" });
    assert.deepEqual(
      [file[0] === before[0], file[1] === before[1], file[2] === before[2]],
      [true, false, false],
    );
    assert.notEqual((await keys(text, { A: "2" }, { "file a.txt": "one" }))[0], before[0]);
  });

  it("follows a mount into a stage that only copies: its step goes by the lock's bytes, not by the folder's name", async () => {
    const text =
      "FROM scratch AS locks\nARG LOCK=one\nCOPY locks/${LOCK}/a.lock locks/${LOCK}/b.lock /\nFROM busybox:1\n" +
      ["a", "b"]
        .map(
          (name) =>
            `RUN --mount=type=bind,from=locks,source=${name}.lock,target=/run/${name}.lock uv pip install -r /run/${name}.lock\n`,
        )
        .join("");
    const parts = (b: string) =>
      Object.fromEntries(
        ["one", "two"].flatMap((name) => [
          [`file locks/${name}/a.lock`, "same"],
          [`file locks/${name}/b.lock`, name === "one" ? "first" : b],
        ]),
      );
    const stepsOf = async (lock: string, b = "second") =>
      (await read(text, { LOCK: lock }, parts(b))).steps.slice(1);
    const [one, two, equal] = [await stepsOf("one"), await stepsOf("two"), await stepsOf("two", "first")];
    assert.deepEqual(
      two.flatMap(({ locks }) => locks),
      ["a", "b"].map((name) => join(folder, `locks/two/${name}.lock`)),
    );
    const keys = (steps: typeof one) => steps.map(({ key }) => key);
    assert.equal(keys(one)[0], keys(two)[0]);
    assert.notEqual(keys(one)[1], keys(two)[1]);
    assert.deepEqual(keys(one), keys(equal));
  });

  it("reads what a step fetches: locks by mount, also by the branch that runs, pins, apt, ADD", async () => {
    const text =
      "FROM busybox:1\nARG HOW=wheel\nADD https://example.org/a.tar /a\nRUN apt-get install -y ffmpeg\n" +
      'RUN --mount=type=bind,source=locks,target=/run/locks case "${HOW}" in none) ;; wheel) pip3 download -r /run/locks/wheel-${HOW}.lock ;; *) pip3 wheel -r /run/locks/source.lock ;; esac\n' +
      "RUN pip3 install --no-cache-dir uv==0.13.9 'fastapi[all]==0.109.0'\n";
    const locksOf = async (args: Record<string, string>) =>
      (await read(text, args)).steps.flatMap(({ locks }) =>
        locks.map((path) => path.slice(folder.length + 1)),
      );
    assert.deepEqual(await locksOf({}), ["locks/wheel-wheel.lock"]);
    assert.deepEqual(await locksOf({ HOW: "source" }), ["locks/source.lock"]);
    assert.deepEqual(await locksOf({ HOW: "none" }), []);
    const { steps } = await read(text);
    assert.deepEqual(
      steps.flatMap(({ pins }) => pins),
      ["uv==0.13.9", "fastapi==0.109.0"],
    );
    assert.deepEqual(
      steps.map(({ apt }) => apt),
      [false, true, false, false],
    );
    assert.deepEqual(steps[0]!.remotes, ["https://example.org/a.tar"]);
  });

  it("reads the index of an install from its options, or the variables of pip and uv", async () => {
    const indexOf = async (command: string) =>
      (
        await read(
          `FROM busybox:1\nARG UV_DEFAULT_INDEX=https://uv.test\nENV PIP_INDEX_URL=https://pip.test\nRUN ${command}\n`,
        )
      ).steps[0]!.index;
    assert.equal(await indexOf("uv pip install a==1"), "https://uv.test");
    assert.equal(await indexOf("pip3 install a==1"), "https://pip.test");
    assert.equal(
      await indexOf("pip3 install --index-url=https://own.test/simple a==1"),
      "https://own.test/simple",
    );
    assert.equal(
      await indexOf('uv pip install --default-index "$UV_DEFAULT_INDEX/x" a==1'),
      "https://uv.test/x",
    );
    assert.equal(await indexOf("make -i https://make.test"), undefined);
  });

  it("names the file of an install that no mount brings, since nobody counts it", async () => {
    const text =
      "FROM busybox:1\nCOPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\n" +
      "RUN --mount=type=bind,source=a.lock,target=/run/a.lock l=/run/a.lock && uv pip install -r $l && rm -r /wheel\nRUN grep -r x /\n";
    assert.deepEqual(
      (await read(text)).steps.map(({ unread }) => unread),
      [[], ["requirements.txt"], [], []],
    );
  });
});
