import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { pinsOfStacks } from "../../lib/cache-store/needed.ts";
import { blobFolder, storeFolder } from "../../lib/cache-store/volume.ts";
import { BuildRun } from "../../lib/images/build-run.ts";
import { until } from "../faults/background-run.ts";
import { cacheLimit } from "../../provider/cache-limit.ts";
import { cacheName, DevStack } from "../faults/dev-stack.ts";
import { FaultyUpstream } from "../faults/faulty-upstream.ts";
import { freePort } from "../integration/free-ports.ts";
import { smallBase, type CommandResult } from "../integration/project.ts";
import { pull, pushImage, type TestImage } from "./images.ts";

interface Entry {
  name: string;
  version: string;
  isNeeded: boolean;
  isComplete: boolean;
}

interface Status {
  caches: {
    images: number;
    hits: number;
    requests: number;
    savedBytes: number;
    upstream: { isReachable: boolean };
  }[];
  limitBytes: number;
}

describe("npm run cache", function () {
  this.timeout(3 * 60_000);
  let stack: DevStack;
  let upstream: FaultyUpstream;
  let port: number;
  const url = () => `http://127.0.0.1:${port}`;

  before(async () => {
    stack = await DevStack.open();
    upstream = new FaultyUpstream(`http://127.0.0.1:${stack.upstreamPort}`);
    await upstream.arrive();
    port = await freePort();
    stack.configure({ upstream: upstream.url, port, maxSize: "40MB" });
    await stack.start();
  });
  after(async () => {
    upstream.heal();
    await upstream.leave();
    await stack.remove();
  });

  const commandLine = (...args: string[]) => [
    join(stack.project.root, "bootstrap", "run.mjs"),
    ...["cache", ...args, "--stack", "dev"],
  ];
  async function cache(...args: string[]): Promise<CommandResult> {
    return stack.project.exec("node", commandLine(...args), await stack.variables());
  }
  async function succeeds(...args: string[]): Promise<string> {
    const { exitCode, output, stdout } = await cache(...args);
    assert.equal(exitCode, 0, output);
    return stdout;
  }
  async function fails(...args: string[]): Promise<string> {
    const { exitCode, output } = await cache(...args);
    assert.equal(exitCode, 1, output);
    assert.doesNotMatch(output, /\n\s+at /);
    return output;
  }
  const json = async <T>(...args: string[]) => JSON.parse(await succeeds(...args, "--json")) as T;
  const name = (image: TestImage) => image.repository.replace("library/", "");
  /** Names of the images in the cache, with what is said of each. */
  async function catalog(): Promise<Map<string, Entry>> {
    const { images } = await json<{ images: Entry[] }>("catalog");
    return new Map(images.map((entry) => [`${entry.name}:${entry.version}`, entry]));
  }

  it("warms what the stack needs, by the lock file's digest, and says what is there", async () => {
    assert.equal(
      (await catalog()).get(smallBase)?.isComplete,
      false,
      "the start asked for its manifest alone",
    );
    assert.match(
      await succeeds("warm"),
      /^fetched registry:3\.1\.1 \(\d+ MB; .*\n1 image in the cache, \d+ MB fetched\.$/s,
    );
    assert.match(
      await succeeds("warm"),
      /^there {3}registry:3\.1\.1 \(\d+ MB\)\n1 image in the cache, 0 B fetched\.$/,
    );
    const entry = (await catalog()).get(smallBase);
    assert.deepEqual([entry?.isComplete, entry?.isNeeded], [true, true]);
    assert.match(
      await succeeds("catalog"),
      /^image +version +size +last used\nregistry +3\.1\.1 +\d+ MB +\S.* ago +needed$/,
    );
  });

  it("says what the cache holds, what it saved, and whether its upstream answers", async () => {
    const image = await pushImage(stack.upstreamPort, { layers: [500_000] });
    await pull(url(), image);
    await sleep(1_100);
    const before = (await json<Status>("status")).caches[0]!;
    await pull(url(), image);
    const { caches, limitBytes } = await json<Status>("status");
    const { images, hits, requests, savedBytes, upstream: asked } = caches[0]!;
    assert.deepEqual([images, asked.isReachable, limitBytes], [2, true, 40_000_000]);
    assert.deepEqual([hits - before.hits, requests - before.requests], [3, 3]);
    assert.equal(savedBytes - before.savedBytes, image.bytes);
    const text = await succeeds("status");
    const lines = [
      /^Cache of docker\.io at http:\/\/127\.0\.0\.1:\d+ \(gpu-build-host-dev-registry-cache\)$/,
      /^ {2}holds +\d+ MB in 2 images; /,
      /^ {2}hit rate +\d+ % of \d+ requests in /,
      /^ {2}saved +\d+ kB came from its disk, \d+ MB from outside$/,
      /^ {2}upstream +http:\/\/127\.0\.0\.1:\d+ answers in \d\.\d\d s$/,
      /^ {2}age +runs for /,
      /^Limit 40 MB \(registryCache\.maxSize\), \d+ MB used\.$/,
    ];
    for (const [index, line] of text.split("\n").entries()) assert.match(line, lines[index]!);
  });

  it("prunes by last use, down to what stacks need, and verifies", async () => {
    const image = await pushImage(stack.upstreamPort, { layers: [3_000_000] });
    await succeeds("warm", `${name(image)}:1`);
    assert.match(await succeeds("prune", "--to", "1MB", "--dry-run"), /Nothing was removed \(--dry-run\)\.$/);
    assert.ok((await catalog()).has(`${name(image)}:1`));
    assert.match(
      await succeeds("prune", "--to", "1MB"),
      /\nRemoved 2 images, 3 MB\. Left and readable: 1 image, \d+ MB\. That is more than 1 MB: stacks need it, or it has just been fetched\.$/,
    );
    assert.deepEqual([...(await catalog()).keys()], [smallBase]);
    assert.match(await succeeds("verify"), /^docker\.io: \d+ blobs, \d+ MB, all sound\.$/);
  });

  it("mends a damaged layer", async () => {
    const image = await pushImage(stack.upstreamPort, { layers: [1_000_000] });
    await succeeds("warm", `${name(image)}@${image.digest}`);
    const file = `/var/lib/registry/${storeFolder}/${blobFolder(image.layers[0]!)}/data`;
    await stack.docker("exec", "--user", "nobody", cacheName, "sh", "-c", `echo damage >> ${file}`);
    assert.match(
      await fails("verify", "--dry-run"),
      /left as it is \(--dry-run\)\ndocker\.io: .*, 1 damaged\.$/,
    );
    assert.match(await succeeds("verify"), /: fetched again\ndocker\.io: .*, 1 damaged, 1 mended\.$/);
    assert.match(await succeeds("verify"), /all sound\.$/);
  });

  it("makes room for what it warms within the limit, and refuses what cannot fit", async () => {
    const old = await pushImage(stack.upstreamPort, { layers: [15_000_000] });
    const fresh = await pushImage(stack.upstreamPort, { layers: [16_000_000] });
    const huge = await pushImage(stack.upstreamPort, { layers: [35_000_000] });
    await succeeds("warm", `${name(old)}:1`);
    await succeeds("warm", `${name(fresh)}:1`);
    const there = await catalog();
    assert.ok(there.has(`${name(fresh)}:1`) && there.has(smallBase) && !there.has(`${name(old)}:1`));
    const output = await fails("warm", `${name(huge)}:1`);
    assert.match(
      output,
      /do not fit: the limit is 40 MB \(registryCache\.maxSize\), and \d+ MB of it hold what stacks need: raise the limit/,
    );
  });

  it("is brought back within its limit by up, which its preview shows", async () => {
    const image = await pushImage(stack.upstreamPort, { layers: [25_000_000] });
    await pull(url(), image);
    assert.deepEqual(await stack.preview(), [{ op: "update", name: "registry-cache-limit" }]);
    await stack.start();
    assert.deepEqual(await stack.preview(), []);
    const { bytes } = await json<{ bytes: number }>("status");
    assert.ok(bytes < 40_000_000, `${bytes} bytes`);
    assert.equal((await catalog()).get(smallBase)?.isComplete, true);
  });

  it("has no drift where all that is left is needed, and up warns of it", async () => {
    await succeeds("prune", "--to", "1MB");
    const limit = {
      stack: "dev",
      dockerHost: stack.dockerHost,
      caches: [{ mode: "own" as const, bind: "127.0.0.1", port }],
      limit: 1_000_000,
    };
    const found = async (pins: string[]) =>
      (await cacheLimit.read("id", "urn", { ...limit, pins }))?.props.found;
    const pins = [...(await pinsOfStacks(stack.project.root)).names.keys()];
    assert.equal(await found(pins), "at most 1 MB");
    assert.match((await found([])) ?? "", /^1\d(\.\d+)? MB$/);
    const said: string[] = [];
    await cacheLimit.update(
      "id",
      "urn",
      { ...limit, pins },
      { ...limit, pins },
      {
        log: async (message, { severity } = {}) => void said.push(`${severity}: ${message}`),
        signal: new AbortController().signal,
        run: new BuildRun(),
      },
    );
    assert.match(
      said.join("\n"),
      /^warning: the registry cache takes 1\d\S* MB, more than registryCache\.maxSize \(1 MB\): stacks need what is left$/,
    );
  });

  it("stops at once on Ctrl-C, and goes on with the next run", async () => {
    const image = await pushImage(stack.upstreamPort, { layers: [2_000_000] });
    upstream.breaks("stall", new RegExp(image.layers[0]!));
    const env = { ...(await stack.variables()), CI: "true" };
    const running = execa("node", commandLine("warm", `${name(image)}:1`), {
      cwd: stack.project.root,
      env,
      reject: false,
    });
    await until(
      "the stalled layer",
      () => upstream.requests.some((line) => line.includes(image.layers[0]!)) || undefined,
    );
    running.kill("SIGINT");
    const { exitCode, stderr } = await running;
    assert.equal(exitCode, 130);
    assert.match(stderr, /Stopped\. Nothing is left half done/);
    upstream.heal();
    await succeeds("warm", `${name(image)}:1`);
  });

  it("prints the units of its timer, and installs none where systemd does not run", async () => {
    assert.match(
      await succeeds("timer", "--print"),
      /^# \/.*\.service\n[^]*\n# \/.*\.timer\n[^]*\nOnCalendar=daily\n/,
    );
    if (!existsSync("/run/systemd/system"))
      assert.match(await fails("timer", "--install"), /systemd does not run here\. --print shows the units/);
    assert.match(await fails("timer"), /Say one of --print, --install and --remove/);
  });

  it("says in one line what is wrong", async () => {
    assert.match(await fails("warm", "No Image"), /"No Image" is no image reference/);
    assert.match(await fails("warm", "nvcr.io/nvidia/cuda:1"), /no cache of this stack is for nvcr\.io/);
    assert.match(await fails("prune", "--to", "lots"), /It must be a size such as 50GB/);
    assert.match(await fails("warm", "no-such-image:1"), /^FAILED no-such-image:1: .*cannot get it: /m);
  });

  it("says that its upstream is away, has nothing to fetch where all is there, and is not cleared then", async () => {
    await upstream.leave();
    try {
      assert.match(
        await succeeds("status"),
        /upstream .* does not answer as it should \(.*ECONNREFUSED.*\); what is cached is served/,
      );
      assert.match(await succeeds("warm"), /^there /);
      assert.match(
        await fails("clear"),
        /so what is removed now could not be fetched again\. Nothing was removed/,
      );
    } finally {
      await upstream.arrive();
    }
  });

  it("is looked at by a stack that shares it, and pruned by its owner alone", async () => {
    stack.project.configure("other", {
      engine: { host: stack.dockerHost, network: "host" },
      registryCache: { mode: "external", port },
      cudaBase: { cuda: "12.6", image: smallBase },
      stateDir: join(stack.project.root, "state"),
    });
    const env = await stack.variables();
    const run = (...args: string[]) =>
      stack.project.exec("node", [...commandLine(...args).slice(0, -1), "other"], env);
    assert.match((await run("catalog")).stdout, /^registry +3\.1\.1 /m);
    const { exitCode, output } = await run("clear");
    assert.equal(exitCode, 1, output);
    assert.match(output, /belongs to the stack "dev": npm run cache -- clear --stack dev/);
  });

  it("is cleared, and warmed again", async () => {
    assert.match(await succeeds("clear"), /^Removed \d+ images?, \d+ MB\.$/);
    assert.equal(await succeeds("catalog"), "There is no image in the cache yet.");
    assert.match(await succeeds("warm"), /^fetched registry:3\.1\.1/);
  });

  it("names the remedy while the cache is stopped", async () => {
    await stack.docker("stop", cacheName);
    assert.match(
      await fails("status"),
      /is stopped, and its files are reached through it: npm run doctor -- --stack dev --fix, or docker start /,
    );
    await stack.docker("start", cacheName);
  });
});
