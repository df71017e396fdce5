import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machineEngine, userPlugins } from "../../sandbox/engine-binaries.ts";
import { scratchFolder } from "./scratch.ts";

describe("the machine's own engine", () => {
  let scratch: ReturnType<typeof scratchFolder>;
  beforeEach(() => {
    scratch = scratchFolder();
  });
  afterEach(() => scratch.remove());

  function install(version: string, plugins = true): void {
    const program = (name: string, body: string) =>
      writeFileSync(join(scratch.path, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    program("dockerd", `echo 'Docker version ${version}, build abc'`);
    program("docker", `exit ${plugins ? 0 : 1}`);
    for (const name of ["containerd", "containerd-shim-runc-v2", "runc"]) program(name, "exit 0");
  }
  const found = () => machineEngine(`${scratch.path}:/usr/bin:/bin`);

  it("serves from version 23 on", async () => {
    install("28.5.2");
    const plugins = userPlugins();
    assert.deepEqual(await found(), { kind: "machine", binDir: "", pluginsDirs: plugins, version: "28.5.2" });
    install("23.0.0");
    assert.equal((await found())?.version, "23.0.0");
  });

  it("keeps the plugins that the user installed", () => {
    mkdirSync(join(scratch.path, "cli-plugins"));
    const extra = ["/nowhere", scratch.path];
    writeFileSync(join(scratch.path, "config.json"), JSON.stringify({ cliPluginsExtraDirs: extra }));
    assert.deepEqual(userPlugins(scratch.path), [join(scratch.path, "cli-plugins"), scratch.path]);
  });

  it("does not serve when it is older, lacks buildx or compose, or is only a client", async () => {
    install("20.10.24+dfsg1");
    assert.equal(await found(), undefined);
    install("28.5.2", false);
    assert.equal(await found(), undefined);
    assert.equal(await machineEngine("/nowhere"), undefined);
  });
});
