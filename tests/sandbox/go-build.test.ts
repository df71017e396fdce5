import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { ensureGoProgram, findGo, removeGoCaches } from "../../sandbox/toolchain/go-build.ts";
import type { GoProgram } from "../../sandbox/toolchain/go-programs.ts";
import { scratchFolder, withEnv } from "./scratch.ts";

describe("the build from Go modules", () => {
  let scratch: ReturnType<typeof scratchFolder>;
  beforeEach(() => {
    scratch = scratchFolder();
  });
  afterEach(() => scratch.remove());

  function fakeGo(version: string): string {
    const bin = join(scratch.path, "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "go"), `#!/bin/sh\nprintf 'go${version}\\n\\n\\n'\n`, { mode: 0o755 });
    return bin;
  }

  function program(source: string): GoProgram {
    const module = join(scratch.path, "module");
    mkdirSync(module, { recursive: true });
    writeFileSync(join(module, "go.mod"), "module example.test/hello\n\ngo 1.21\n");
    writeFileSync(join(module, "main.go"), source);
    return { name: "hello", module, package: ".", version: "1.0.0" };
  }

  it("says what to install where Go is missing or too old", async () => {
    await withEnv({ PATH: "/nowhere" }, async () =>
      assert.match(String(await findGo()), /^Go 1\.25 or newer is not installed$/),
    );
    await withEnv({ PATH: fakeGo("1.24.9") }, async () =>
      assert.match(String(await findGo()), /^1\.24\.9 of Go is too old/),
    );
    await withEnv({ PATH: fakeGo("1.25.0") }, async () => {
      const go = await findGo();
      assert.ok(typeof go !== "string");
      assert.equal(go.env.GOTOOLCHAIN, "auto"); // the modules want 1.25.11
    });
  });

  it("leaves the caches of the build to another process that builds with them", async () => {
    const cache = join(scratch.path, "cache");
    await withEnv({ XDG_CACHE_HOME: cache }, async () => {
      const modules = join(cache, "gpu-build-host", "go", "modules");
      const mark = join(cache, "gpu-build-host", "go-builders", String(process.ppid));
      mkdirSync(modules, { recursive: true });
      mkdirSync(dirname(mark), { recursive: true });
      writeFileSync(mark, "");
      await removeGoCaches();
      assert.ok(existsSync(modules));
      rmSync(mark);
      writeFileSync(join(dirname(mark), "999999999"), ""); // one that was killed
      await removeGoCaches();
      assert.ok(!existsSync(modules));
    });
  });

  it("works with an empty HOME and without one, builds once, and anew when the module changes", async function () {
    if (typeof (await findGo()) === "string") this.skip();
    this.timeout(180_000);
    const hello = 'package main\n\nfunc main() { println("hello") }\n';
    const cache = join(scratch.path, "cache");
    await withEnv({ HOME: undefined, XDG_CACHE_HOME: cache }, async () => {
      const steps: string[] = [];
      const first = await ensureGoProgram(program(hello), { onStep: ({ name }) => steps.push(name) });
      assert.ok(existsSync(first));
      const built = steps.length;
      assert.ok(built > 0);
      assert.equal(await ensureGoProgram(program(hello), { onStep: ({ name }) => steps.push(name) }), first);
      assert.equal(steps.length, built);
      const second = await ensureGoProgram(program(hello.replace("hello", "bye")));
      assert.notEqual(second, first);
      await assert.rejects(
        ensureGoProgram(program("package main\n\nfunc main() { nonsense }\n")),
        (error) => {
          assert.ok(error instanceof UserError);
          assert.match(error.message, /^hello 1\.0\.0 cannot be built with Go .*nonsense/);
          return true;
        },
      );
    });
  });
});
