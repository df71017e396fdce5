import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { followMovedClone } from "../../cli/moved-clone.ts";
import { sandboxLayout } from "../../sandbox/layout.ts";

describe("a clone in another place", () => {
  const folder = join(tmpdir(), `gbh-moved-${process.pid}`);
  const first = join(folder, "first", ".sandbox");
  const second = join(folder, "second", ".sandbox");
  const stateOf = (root: string) =>
    join(root, "pulumi", ".pulumi", "stacks", "gpu-build-host", "sandbox.json");
  const stateText = (root: string) =>
    JSON.stringify({ host: sandboxLayout(root).dockerHost, state: `${root}/state` });

  beforeEach(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(dirname(stateOf(first)), { recursive: true });
    writeFileSync(join(first, "facts.json"), JSON.stringify({ root: first }));
    writeFileSync(stateOf(first), stateText(first));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("changes nothing where it was", () => {
    assert.deepEqual(followMovedClone(first, join(first, "pulumi")), []);
    assert.equal(readFileSync(stateOf(first), "utf8"), stateText(first));
  });

  it("takes its state along when it was moved", () => {
    const before = stateText(first);
    renameSync(dirname(first), dirname(second));
    assert.match(followMovedClone(second, join(second, "pulumi")).join(), /was moved from .*first/);
    assert.notEqual(before, stateText(second));
    assert.equal(readFileSync(stateOf(second), "utf8"), stateText(second));
  });

  it("starts with an empty state when it was copied", () => {
    mkdirSync(dirname(stateOf(second)), { recursive: true });
    writeFileSync(join(second, "facts.json"), JSON.stringify({ root: first }));
    writeFileSync(stateOf(second), stateText(first));
    assert.match(followMovedClone(second, join(second, "pulumi")).join(), /is a copy of .*first/);
    assert.equal(existsSync(stateOf(second)), false);
    assert.equal(existsSync(stateOf(first)), true);
  });
});
