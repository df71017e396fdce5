import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureFolder, userCache } from "../../sandbox/user-cache.ts";
import { scratchFolder, withEnv } from "./scratch.ts";

describe("ensureFolder", () => {
  let scratch: ReturnType<typeof scratchFolder>;
  beforeEach(() => {
    scratch = scratchFolder();
  });
  afterEach(() => scratch.remove());

  it("makes a folder once, whoever asks at the same time", async () => {
    const folder = join(scratch.path, "a");
    let made = 0;
    const make = async (temporary: string) => {
      made++;
      await new Promise((resolve) => setTimeout(resolve, 20));
      writeFileSync(join(temporary, "file"), "whole");
    };
    await Promise.all([ensureFolder(folder, make), ensureFolder(folder, make), ensureFolder(folder, make)]);
    await ensureFolder(folder, make);
    assert.equal(made, 1);
    assert.equal(readFileSync(join(folder, "file"), "utf8"), "whole");
  });

  it("leaves nothing of a failed or stopped attempt", async () => {
    const folder = join(scratch.path, "a");
    const broken = async (temporary: string) => {
      writeFileSync(join(temporary, "half"), "");
      throw new Error("broken");
    };
    await assert.rejects(ensureFolder(folder, broken), /broken/);
    const stop = new AbortController();
    const stopped = async () => stop.abort(new Error("stopped"));
    await assert.rejects(ensureFolder(folder, stopped, { signal: stop.signal }), /stopped/);
    assert.deepEqual(readdirSync(scratch.path), []);
  });

  it("makes anew what a killed process left unfinished", async () => {
    const folder = join(scratch.path, "a");
    for (const left of [folder, `${folder}.tmp-x1y2z3`]) {
      mkdirSync(left);
      writeFileSync(join(left, "half"), "");
    }
    await ensureFolder(folder, async (temporary) => writeFileSync(join(temporary, "file"), "whole"));
    assert.ok(!existsSync(join(folder, "half")));
    assert.deepEqual(readdirSync(scratch.path), ["a"]);
  });

  it("lies where the user's cache lies, also without HOME", async () => {
    await withEnv({ XDG_CACHE_HOME: "/somewhere" }, () =>
      assert.equal(userCache("x"), "/somewhere/gpu-build-host/x"),
    );
    await withEnv({ XDG_CACHE_HOME: undefined, HOME: undefined }, () =>
      assert.match(userCache("x"), /^\/.*gpu-build-host\/x$/),
    );
  });
});
