import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { lockHolder, withHostLock, type LockHolder } from "../../lib/daemon/host-lock.ts";

const CHILD = fileURLToPath(new URL("./hold-lock.ts", import.meta.url));
const key = () => `test:${process.pid}:${Math.random()}`;

async function hold(lock: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, lock], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

describe("withHostLock", () => {
  it("lets one after another in", async () => {
    const lock = key();
    let inside = 0;
    const run = () =>
      withHostLock(lock, { stack: "a", waitMs: 10_000 }, async () => {
        inside++;
        assert.equal(inside, 1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside--;
      });
    await Promise.all([run(), run(), run(), run()]);
    assert.equal(await lockHolder(lock), undefined);
  });

  it("is free again after a failure", async () => {
    const lock = key();
    await assert.rejects(
      withHostLock(lock, { stack: "a", waitMs: 0 }, () => Promise.reject(new Error("no"))),
      /no/,
    );
    assert.equal(await withHostLock(lock, { stack: "a", waitMs: 0 }, async () => 1), 1);
  });

  it("names the holder when it gives up, and is freed by the kernel when the holder is killed", async () => {
    const lock = key();
    const child = await hold(lock);
    try {
      const holder = await lockHolder(lock);
      assert.equal(holder?.pid, child.pid);
      const waited: (LockHolder | undefined)[] = [];
      await assert.rejects(
        withHostLock(
          lock,
          { stack: "b", waitMs: 300, onWait: (who) => waited.push(who) },
          async () => undefined,
        ),
        new RegExp(`process ${child.pid} of stack "child" has it since`),
      );
      assert.deepEqual(waited, [holder]);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    assert.equal(await withHostLock(lock, { stack: "b", waitMs: 2000 }, async () => "mine"), "mine");
  });

  it("does not hang on a holder that is stopped", async () => {
    const lock = key();
    const child = await hold(lock);
    try {
      child.kill("SIGSTOP");
      await assert.rejects(
        withHostLock(lock, { stack: "b", waitMs: 200 }, async () => undefined),
        /does not answer has it/,
      );
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });

  it("stops waiting when told to", async () => {
    const lock = key();
    await withHostLock(lock, { stack: "a", waitMs: 0 }, async () => {
      const signal = AbortSignal.timeout(150);
      await assert.rejects(withHostLock(lock, { stack: "b", waitMs: 60_000, signal }, async () => undefined));
    });
  });
});
