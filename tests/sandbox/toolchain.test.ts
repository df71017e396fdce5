import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { fits, pulumiOnPath } from "../../sandbox/toolchain/path-pulumi.ts";
import { ensureToolchain, type ToolchainSources } from "../../sandbox/toolchain/toolchain.ts";
import { scratchFolder, withEnv } from "./scratch.ts";

const set = { pulumi: "/cache/built/bin/pulumi", home: "/cache/built/home" };

/** Nothing anywhere, the network included; `asked` lists what was tried. */
function sources(overrides: Partial<ToolchainSources>, asked: string[] = []): ToolchainSources {
  const real: ToolchainSources = {
    onPath: async () => undefined,
    installed: () => undefined,
    install: async () => ({ unreachable: "refused" }),
    built: () => undefined,
    build: async () => set,
    ...overrides,
  };
  const noted = (name: keyof ToolchainSources) => (options: never) => {
    asked.push(name);
    return (real[name] as (options: never) => unknown)(options);
  };
  return Object.fromEntries(
    Object.keys(real).map((name) => [name, noted(name as keyof ToolchainSources)]),
  ) as never;
}

const sandbox = { stack: "sandbox", allowBuilt: true };
const dev = { stack: "dev", allowBuilt: false };

describe("ensureToolchain", () => {
  it("takes a fitting pulumi on PATH, and leaves the user's PULUMI_HOME alone", async () => {
    const asked: string[] = [];
    const onPath = async () => ({ path: "/usr/bin/pulumi", version: "3.230.0" });
    const found = await ensureToolchain(dev, sources({ onPath }, asked));
    assert.equal(found.kind, "path");
    assert.equal(found.pulumi, "/usr/bin/pulumi");
    assert.deepEqual(Object.keys(found.env), ["PULUMI_SKIP_UPDATE_CHECK"]);
    assert.deepEqual(asked, ["onPath"]);
  });

  it("asks the installer before it builds, and builds for the sandbox", async () => {
    const asked: string[] = [];
    const found = await ensureToolchain(sandbox, sources({}, asked));
    assert.equal(found.kind, "go-build");
    assert.equal(found.env.PULUMI_HOME, set.home);
    assert.equal(found.env.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION, "1");
    assert.match(found.description, /stand-ins/);
    assert.deepEqual(asked, ["onPath", "installed", "built", "install", "build"]);
  });

  it("takes the installer's over a build", async () => {
    const found = await ensureToolchain(
      sandbox,
      sources({ install: async () => ({ pulumi: "/cache/official/bin/pulumi" }) }),
    );
    assert.equal(found.kind, "installer");
    assert.notEqual(found.env.PULUMI_HOME, set.home);
    assert.equal(found.env.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION, undefined);
  });

  it("takes what it brought earlier without asking the network", async () => {
    for (const earlier of [{ installed: () => "/cache/official/bin/pulumi" }, { built: () => set }]) {
      const asked: string[] = [];
      await ensureToolchain(sandbox, sources(earlier, asked));
      assert.ok(!asked.includes("install") && !asked.includes("build"));
    }
  });

  it("does not run a build for another stack without the flag, even a finished one", async () => {
    await assert.rejects(ensureToolchain(dev, sources({ built: () => set })), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /stack dev.*--built-toolchain/);
      assert.ok(!error.message.includes("\n"));
      return true;
    });
    assert.equal(
      (await ensureToolchain({ ...dev, allowBuilt: true }, sources({ built: () => set }))).kind,
      "go-build",
    );
  });

  it("says everything that was tried, in one line", async () => {
    const onPath = async () => ({ path: "/usr/bin/pulumi", version: "3.100.0" });
    const build = async () => {
      throw new UserError("pulumi 3.259.0 cannot be built: Go 1.25 or newer is not installed.");
    };
    await assert.rejects(ensureToolchain(sandbox, sources({ onPath, build })), (error) => {
      assert.ok(error instanceof UserError);
      for (const part of ["3.100.0", "out of reach (refused)", "Go 1.25 or newer is not installed"]) {
        assert.ok(error.message.includes(part), part);
      }
      assert.ok(!error.message.includes("\n"));
      return true;
    });
  });
});

describe("pulumi on PATH", () => {
  it("fits from 3.229 on, below 4", () => {
    for (const version of ["3.229.0", "3.259.0", "3.300.1-beta.1"]) assert.ok(fits(version), version);
    for (const version of ["3.228.9", "2.300.0", "4.0.0", undefined]) assert.ok(!fits(version), version);
  });

  it("is asked for its version once per file", async () => {
    const scratch = scratchFolder();
    try {
      const program = join(scratch.path, "pulumi");
      const calls = join(scratch.path, "calls");
      const install = (version: string) =>
        writeFileSync(program, `#!/bin/sh\necho x >> ${calls}\necho v${version}\n`, { mode: 0o755 });
      const ask = async () => (await pulumiOnPath(`relative:${scratch.path}:/usr/bin:/bin`))?.version;
      await withEnv({ XDG_CACHE_HOME: join(scratch.path, "cache") }, async () => {
        install("3.231.0");
        assert.equal(await ask(), "3.231.0");
        writeFileSync(calls, "");
        assert.equal(await ask(), "3.231.0");
        const { readFileSync } = await import("node:fs");
        assert.equal(readFileSync(calls, "utf8"), "");
        install("3.2311.0");
        assert.equal(await ask(), "3.2311.0");
      });
    } finally {
      scratch.remove();
    }
  });
});
