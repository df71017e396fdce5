import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { withLock } from "../../sandbox/lock.ts";

const lockFile = fileURLToPath(new URL("../../sandbox/lock.ts", import.meta.url));

describe("withLock", () => {
  const name = `/test/${process.pid}`;

  it("lets one in at a time", async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
    };
    await Promise.all(Array.from({ length: 10 }, () => withLock(name, work)));
    assert.equal(most, 1);
  });

  it("is free again after an error", async () => {
    await assert.rejects(
      withLock(name, () => Promise.reject(new Error("no"))),
      /no/,
    );
    assert.equal(await withLock(name, () => Promise.resolve(1)), 1);
  });

  it("is free again when its process is killed", async () => {
    const program = `import { withLock } from ${JSON.stringify(lockFile)};
      await withLock(${JSON.stringify(name)}, async () => { console.log("in"); await new Promise((r) => setTimeout(r, 60000)); });`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program]);
    await once(child.stdout, "data");
    let waited = false;
    const ours = withLock(name, () => Promise.resolve("ours"), { onWait: () => (waited = true) });
    await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGKILL");
    assert.equal(await ours, "ours");
    assert.ok(waited);
  });

  it("gives up waiting when told to", async () => {
    const stop = new AbortController();
    await withLock(name, async () => {
      const second = withLock(name, () => Promise.resolve(), { signal: stop.signal });
      setTimeout(() => stop.abort(new Error("stopped")), 10);
      await assert.rejects(second, /stopped/);
    });
  });
});
