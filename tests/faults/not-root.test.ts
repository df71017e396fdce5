import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { userCache } from "../../sandbox/user-cache.ts";
import { engineContent } from "../integration/machine.ts";
import { DevStack } from "./dev-stack.ts";
import { freePort } from "./free-port.ts";

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
    mkdirSync(join(home, ".cache", "gpu-build-host"), { recursive: true });
    // The clone is this user's, the engine is not.
    const own = readdirSync(root).filter((name) => name !== ".sandbox" && name !== "node_modules");
    await execa("chown", ["-R", "nobody", ...own], { cwd: root });
    await execa("chown", ["nobody", root]);
    chmodSync(sandboxLayout(join(root, ".sandbox")).socket, 0o666);
  });
  after(() => stack.remove());

  /** Runs a command as nobody; the tool chain, which root built, is mounted where nobody looks for it. */
  async function asNobody(...args: string[]) {
    const cache = join(home, ".cache", "gpu-build-host");
    const { DOCKER_CONFIG, PATH, PULUMI_HOME, ...variables } = await stack.variables();
    const moved = (text = "") => text.replaceAll(userCache(), cache);
    const script =
      'mount --bind "$1" "$2"; shift 2; exec setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"';
    const program = ["node", join(stack.project.root, "bootstrap", "run.mjs"), ...args];
    return stack.project.exec(
      "unshare",
      ["--mount", "sh", "-c", script, "sh", userCache(), cache, ...program],
      {
        ...variables,
        PATH: moved(PATH),
        PULUMI_HOME: moved(PULUMI_HOME),
        DOCKER_CONFIG: DOCKER_CONFIG ?? "",
        HOME: home,
        XDG_CACHE_HOME: join(home, ".cache"),
      },
    );
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
      /This host is not ready:\n {2}Changing the daemon\.json of Docker needs root, and this is user 65534: run with sudo, or set dockerDaemon\.manage to print/,
    );
    assert.deepEqual(await engineContent(stack.project), before);
  });
});
