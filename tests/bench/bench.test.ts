import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { readResult } from "../../bench/read-result.ts";
import type { Measurement } from "../../bench/result.ts";

describe("npm run bench", function () {
  this.timeout(10 * 60_000);
  let folder: string;
  before(() => void (folder = mkdtempSync(join(tmpdir(), "gbh-bench-run-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("measures a way on an engine of its own; after Ctrl-C keeps what it has, marked as partial, and leaves nothing else", async () => {
    const out = join(folder, "out");
    const program = join(import.meta.dirname, "..", "..", "bootstrap", "run.mjs");
    const chosen = ["--only", "before-uv", "nothing-changed", "code-early"];
    const running = execa("node", [program, "bench", "--quick", "--line", "full", "--out", out, ...chosen], {
      env: { CI: "true", TMPDIR: folder },
      reject: false,
      all: true,
    });
    let hasEnded = false;
    void running.then(() => (hasEnded = true));
    while (figuresIn(out).length < 2 && !hasEnded) await sleep(50);
    running.kill("SIGINT");
    const { exitCode, all } = await running;

    assert.equal(exitCode, 130, all);
    assert.deepEqual(readdirSync(folder), ["out"], "engine, upstream and workspace are gone");
    assert.deepEqual(readdirSync(out).sort(), ["quick.json", "quick.md", "quick.svg"]);
    assert.match(readFileSync(join(out, "quick.md"), "utf8"), /^\*\*Partial/m);
    const { partial, machine } = readResult(join(out, "quick.json"));
    assert.deepEqual([partial, machine.pulumi], [true, "not used"]);
    const [first, again] = figuresIn(out);
    assert.ok(first?.seconds && first.outside && first.uniqueBytes, JSON.stringify(first));
    assert.ok(first.outside.images > 10e6 && first.outside.python > 40e6, JSON.stringify(first.outside));
    assert.deepEqual(Object.keys(first.imageBytes ?? {}).sort(), ["infinitetalk:cu126", "whisperx:cu126"]);
    assert.ok(again?.seconds && again.seconds < first.seconds / 3, JSON.stringify(again));
    assert.equal(again.outside?.python, 0);
  });

  it("fetches no Python package again through the package cache when all else is lost", async () => {
    const out = join(folder, "packages");
    const program = join(import.meta.dirname, "..", "..", "bootstrap", "run.mjs");
    const chosen = ["--only", "stack-packages", "all-lost"];
    const { exitCode, all } = await execa(
      "node",
      [program, "bench", "--quick", "--line", "full", "--out", out, ...chosen],
      { env: { CI: "true", TMPDIR: folder }, reject: false, all: true },
    );
    assert.equal(exitCode, 0, all);
    const [first, again] = figuresIn(out);
    assert.ok(first?.outside && first.outside.python > 20e6, JSON.stringify(first));
    assert.ok(again?.outside && again.outside.python < 50_000, JSON.stringify(again));
  });
});

/** What has been measured so far: the file is written anew with each figure. */
function figuresIn(out: string): Measurement[] {
  try {
    return readResult(join(out, "quick.json")).measurements;
  } catch {
    return [];
  }
}
