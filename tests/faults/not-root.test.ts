import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { builtSet } from "../../sandbox/toolchain/built-set.ts";
import { engineContent } from "../integration/machine.ts";
import { DevStack } from "./dev-stack.ts";
import { freePort } from "../integration/free-ports.ts";

// As the user nobody, who has no sudo either and no terminal to ask for a password.
describe("a user who is not root", function () {
  this.timeout(5 * 60_000);
  let stack: DevStack;
  let home: string;

  before(async () => {
    stack = await DevStack.open();
    stack.configure({ port: await freePort() });
    const { root } = stack.project;
    chmodSync(root, 0o755);
    home = join(root, "home");
    mkdirSync(home);
    // The clone is this user's, the engine is not.
    const own = readdirSync(root).filter((name) => name !== ".sandbox" && name !== "node_modules");
    await execa("chown", ["-R", "nobody", ...own], { cwd: root });
    await execa("chown", ["nobody", root]);
    chmodSync(sandboxLayout(join(root, ".sandbox")).socket, 0o666);
  });
  after(() => stack.remove());

  /** Runs a command as nobody, who may read what root has brought for itself, Pulumi for one, and write nothing of it. */
  async function asNobody(...args: string[]) {
    const { PULUMI_HOME = "", PATH = "", ...variables } = await stack.variables();
    const pulumi = builtSet()?.pulumi;
    // Its own folder is root's: access(2), by which a program on PATH is looked for, knows no capabilities.
    if (pulumi) stack.project.write("home/bin/pulumi", `#!/bin/sh\nexec ${pulumi} "$@"\n`, 0o755);
    const pulumiHome = join(home, "pulumi");
    if (!existsSync(pulumiHome)) {
      mkdirSync(pulumiHome);
      symlinkSync(join(PULUMI_HOME, "plugins"), join(pulumiHome, "plugins"));
      await execa("chown", ["nobody", pulumiHome]);
    }
    const reader = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
    const user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", ...reader];
    const program = ["node", join(stack.project.root, "bootstrap", "run.mjs"), ...args];
    return stack.project.exec("setpriv", [...user, "--", ...program], {
      ...variables,
      PATH: [join(home, "bin"), PATH || process.env["PATH"]].join(delimiter),
      HOME: home,
      XDG_CACHE_HOME: join(home, ".cache"),
      PULUMI_HOME: pulumiHome,
    });
  }

  it("is told that the sandbox needs root, in one line", async () => {
    const { exitCode, output } = await asNobody("start");
    assert.notEqual(exitCode, 0);
    assert.equal(
      output.trim(),
      "The sandbox needs root, since it runs a dockerd of its own; this is user 65534: run it with sudo.",
    );
  });

  it("is told that daemon.json needs root, before anything is made", async () => {
    const before = await engineContent(stack.project);
    const { exitCode, output } = await asNobody("start", ...stack.arguments);
    assert.notEqual(exitCode, 0);
    assert.match(
      output,
      /This host is not ready:\n(?: .*\n)* {2}host\.root: Changing the daemon\.json of Docker needs root, and this is user 65534\. Fix: run with sudo, or set dockerDaemon\.manage to print/,
    );
    assert.deepEqual(await engineContent(stack.project), before);
  });
});
