import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../lib/errors.ts";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { requireFreeDisk, requireLinux, requireRoot } from "../../sandbox/preflight.ts";
import {
  purgeSandbox,
  startSandbox,
  stopSandbox,
  type Sandbox,
  type SandboxOptions,
} from "../../sandbox/sandbox.ts";
import { hubName } from "../../sandbox/stand-ins.ts";
import { canRunEngine, scratchFolder } from "./scratch.ts";
import { tracesOf } from "./traces.ts";

const cuda = "nvidia/cuda:12.6.3-base-ubuntu22.04";

describe("the sandbox", function () {
  this.timeout(300_000);
  let scratch: ReturnType<typeof scratchFolder>;
  let root: string;
  const ports = ({ ports: { upstream, cache, cacheMetrics } }: Sandbox) => [upstream, cache, cacheMetrics];
  const start = (options: Partial<SandboxOptions> = {}) =>
    startSandbox({ root, images: [cuda], registryImage: "registry:3.1.1", ...options });

  before(function () {
    if (!canRunEngine) this.skip();
  });
  beforeEach(() => {
    scratch = scratchFolder();
    root = join(scratch.path, ".sandbox");
  });
  afterEach(async () => {
    if (canRunEngine) await purgeSandbox(root);
    scratch.remove();
  });

  it("serves its stand-ins through the engine's mirror, labelled as what they are", async () => {
    const sandbox = await start();
    const docker = async (...args: string[]) => (await execa("docker", args, { env: sandbox.env })).stdout;
    for (const { name, digest } of sandbox.standIns) {
      await docker("pull", name);
      assert.match(
        await docker("image", "inspect", "--format", "{{.RepoDigests}}", name),
        new RegExp(digest),
      );
      const label = await docker(
        "image",
        "inspect",
        "--format",
        '{{index .Config.Labels "gpu-build-host.stand-in"}}',
        name,
      );
      assert.match(label, new RegExp(`^${name}: `));
    }
    const run = (...args: string[]) =>
      docker("run", "--rm", "--network", "host", "--entrypoint", "sh", ...args);
    assert.match(
      await run(cuda, "-c", ". /etc/os-release; echo $ID $CUDA_VERSION; apt-get --version"),
      /^debian 12\.6\.3\napt /,
    );
    assert.match(await run("registry:3.1.1", "-c", "id -u; registry --version"), /^0\n.*v3\.1\.1/);
    const facts = JSON.parse(readFileSync(sandbox.layout.factsFile, "utf8"));
    assert.deepEqual(facts, {
      root,
      dockerHost: sandbox.dockerHost,
      upstream: `http://127.0.0.1:${sandbox.ports.upstream}`,
      ports: {
        cache: sandbox.ports.cache,
        cacheMetrics: sandbox.ports.cacheMetrics,
        pythonPackages: sandbox.ports.spare.at(-2),
        debianPackages: sandbox.ports.spare.at(-1),
      },
    });
  });

  it("starts again without a step, makes no stand-in twice, and comes back after a stop", async () => {
    const first = await start();
    const steps: string[] = [];
    const from = performance.now();
    const second = await start({ onStep: ({ name }) => steps.push(name) });
    const took = performance.now() - from;
    assert.equal(steps.join(), "");
    console.log(`      again in ${took.toFixed(0)} ms`); // a figure, not a limit: machines are noisy
    assert.deepEqual(second.standIns, first.standIns);

    await stopSandbox(root);
    assert.deepEqual(tracesOf(first.layout, ports(first)), []);
    const third = await start({ onStep: ({ name }) => steps.push(name) });
    assert.deepEqual(third.standIns, first.standIns);
    assert.deepEqual(third.ports, first.ports);
    assert.deepEqual([...new Set(steps)].sort(), ["engine", "upstream"]);
  });

  it("mends an upstream that was killed or emptied", async () => {
    const first = await start();
    const { pid } = JSON.parse(readFileSync(first.layout.upstream.record, "utf8"));
    process.kill(pid, "SIGKILL");
    await execa("rm", ["-rf", first.layout.upstream.storage]);
    assert.deepEqual((await start()).standIns, first.standIns);
  });

  it("takes a copy of the clone for another sandbox, and removes all of one without the other", async () => {
    const first = await start({ images: [] });
    const copy = join(scratch.path, "copy");
    cpSync(root, copy, { recursive: true, filter: (path) => path !== first.layout.dataRoot });
    try {
      const second = await startSandbox({ root: copy, images: [], registryImage: "registry:3.1.1" });
      assert.notEqual(second.ports.upstream, first.ports.upstream);
      const config = readFileSync(second.layout.daemonConfig, "utf8");
      assert.ok(
        config.includes(`127.0.0.1:${second.ports.upstream}`) &&
          !config.includes(`127.0.0.1:${first.ports.upstream}"`),
      );
      await purgeSandbox(root);
      assert.deepEqual(tracesOf(first.layout, ports(first)), []);
      assert.ok(!existsSync(root));
      await execa("docker", ["pull", "registry:3.1.1"], { env: second.env });
    } finally {
      await purgeSandbox(copy);
    }
    assert.deepEqual(tracesOf(sandboxLayout(copy)), []);
  });
});

describe("before a sandbox starts", () => {
  const line = (work: () => void): string => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof UserError);
      assert.ok(!error.message.includes("\n"));
      return error.message;
    }
    return "";
  };

  it("a missing root, another system and a full disk are one line each", () => {
    assert.equal(
      line(() => requireRoot(0)),
      "",
    );
    assert.match(
      line(() => requireRoot(1000)),
      /needs root.*user 1000.*sudo/,
    );
    assert.match(
      line(() => requireLinux("darwin")),
      /needs Linux.*darwin/,
    );
    assert.equal(
      line(() => requireFreeDisk("/nowhere/yet", 1)),
      "",
    );
    assert.match(
      line(() => requireFreeDisk("/nowhere/yet", 1e18)),
      /Too little disk space/,
    );
  });

  it("names of Docker Hub are spelled out", () => {
    assert.deepEqual(hubName("registry:3.1.1"), { repository: "library/registry", tag: "3.1.1" });
    assert.deepEqual(hubName("docker.io/nvidia/cuda:12@sha256:0"), { repository: "nvidia/cuda", tag: "12" });
    assert.deepEqual(hubName("registry"), { repository: "library/registry", tag: "latest" });
  });
});
