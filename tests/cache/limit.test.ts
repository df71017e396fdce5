import assert from "node:assert/strict";
import { join } from "node:path";
import { DevStack } from "../faults/dev-stack.ts";
import { pushTinyImage } from "../faults/tiny-image.ts";
import { freePort } from "../integration/free-ports.ts";
import { pull, pushImage, type TestImage } from "./images.ts";

const limit = 40_000_000;

// `pulumi up` looks at the cache before it builds, `npm start` after: both hold the limit in the same run.
describe("the cache's limit in a run that fetches beyond it itself", function () {
  this.timeout(5 * 60_000);
  let stack: DevStack;
  let port: number;
  let base: string;

  before(async () => {
    stack = await DevStack.open();
    port = await freePort();
    configure();
    await stack.start();
  });
  after(() => stack.remove());

  function configure(...services: string[]): void {
    stack.configure(
      { port, maxSize: "40MB" },
      { services: Object.fromEntries(services.map((name) => [name, { context: name }])) },
    );
  }
  async function cache(...args: string[]): Promise<string> {
    const { exitCode, output, stdout } = await stack.project.exec(
      "node",
      [join(stack.project.root, "bootstrap", "run.mjs"), "cache", ...args, "--stack", "dev"],
      await stack.variables(),
    );
    assert.equal(exitCode, 0, output);
    return stdout;
  }
  const json = async <T>(command: string) => JSON.parse(await cache(command, "--json")) as T;
  const bytes = async () => (await json<{ bytes: number }>("status")).bytes;
  async function isCached({ repository }: Pick<TestImage, "repository">): Promise<boolean> {
    const { images } = await json<{ images: { name: string; isComplete: boolean }[] }>("catalog");
    const name = repository.replace("library/", "");
    return images.some((image) => image.name === name && image.isComplete);
  }
  /** Puts an image that no stack needs into the cache: it fits, and with 15 MB more it does not. */
  async function fill(): Promise<TestImage> {
    const image = await pushImage(stack.upstreamPort, { layers: [30_000_000] });
    await pull(`http://127.0.0.1:${port}`, image);
    const taken = await bytes();
    assert.ok(taken > 30_000_000 && taken < limit, `${taken} bytes`);
    return image;
  }
  /** A service on an image of 15 MB that only the upstream has. */
  async function addService(name: string): Promise<{ repository: string }> {
    const tiny = await pushTinyImage(stack.upstreamPort, 15_000);
    base = `${tiny.repository.replace("library/", "")}:1`;
    stack.project.write(join(name, "Dockerfile"), `FROM ${base}\nCOPY Dockerfile /\n`);
    return tiny;
  }
  const changes = async () => [...new Set((await stack.preview()).map(({ name }) => name))].sort();
  async function pulumiUp(): Promise<void> {
    const { exitCode, output } = await stack.project.pulumi(
      ["up", "--stack", "dev", "--yes", "--skip-preview"],
      await stack.variables(),
    );
    assert.equal(exitCode, 0, output);
  }
  async function assertHeld(fetched: { repository: string }, old: TestImage): Promise<void> {
    const taken = await bytes();
    assert.ok(taken > 15_000_000 && taken < limit, `${taken} bytes`);
    assert.deepEqual([await isCached(fetched), await isCached(old)], [true, false]);
    assert.deepEqual(await changes(), [], "and nothing is left for the next run");
  }

  it("is held by pulumi up, whose preview shows it, and the next preview is empty", async () => {
    assert.deepEqual(await changes(), []);
    const old = await fill();
    assert.deepEqual(await changes(), [], "30 MB fit");
    const fetched = await addService("one");
    configure("one");
    assert.deepEqual(await changes(), ["one", "registry-cache-limit"]);
    await pulumiUp();
    await assertHeld(fetched, old);
  });

  it("is held by npm start as well", async () => {
    await cache("clear");
    const old = await fill();
    const fetched = await addService("two");
    configure("one", "two");
    assert.deepEqual(await changes(), ["registry-cache-limit", "two"]);
    const { changed } = await stack.start();
    assert.deepEqual([...new Set(changed.map(({ name }) => name))].sort(), ["registry-cache-limit", "two"]);
    await assertHeld(fetched, old);
  });

  it("is held where an image that is gone is built again, and has nothing to do after a tag alone", async () => {
    const two = (await stack.start()).images.find(({ name }) => name === "two")!;
    await stack.docker("image", "rm", two.tags[0]!);
    assert.deepEqual(await changes(), ["two"]);
    await stack.start();
    await stack.docker("image", "rm", ...two.tags, two.reference);
    await stack.docker("builder", "prune", "--all", "--force");
    await cache("clear");
    const old = await fill();
    assert.deepEqual(await changes(), ["registry-cache-limit", "two"]);
    await pulumiUp();
    await assertHeld({ repository: `library/${base.replace(":1", "")}` }, old);
  });

  it("is not looked at for a service that goes", async () => {
    configure("one");
    assert.deepEqual(await changes(), ["two"]);
    await stack.start();
    assert.deepEqual(await changes(), []);
  });
});
