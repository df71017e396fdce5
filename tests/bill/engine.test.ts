import assert from "node:assert/strict";
import { join } from "node:path";
import { billOf } from "../../lib/bill/bill.ts";
import { readNotes } from "../../lib/bill/build-notes.ts";
import type { Bill } from "../../lib/bill/types.ts";
import { planImages } from "../../lib/images/plan.ts";
import { parseSettings } from "../../lib/settings/settings.ts";
import { image, type ImageState } from "../../provider/image.ts";
import { useImageProject } from "../provider/image-project.ts";

const first = "a".repeat(64);
const second = "b".repeat(64);

describe("the bill on a real engine", function () {
  this.timeout(120_000);
  const project = useImageProject("bill");
  const { write, definition, inputsOf, session } = project;

  // Stands for uv: what it installs from a lock stays in the cache mount and in the layer.
  const install =
    "RUN --mount=type=cache,id=uv,target=/root/.cache/uv --mount=type=bind,source=locks/a.lock,target=/run/a.lock \\\n" +
    "    : uv pip install -r /run/a.lock && cp /run/a.lock /root/.cache/uv/ && head -c 300000 /dev/zero > /installed\n";
  const lock = (...hashes: string[]): string =>
    hashes.map((hash, index) => `package${index}==1.0 \\\n    --hash=sha256:${hash}\n`).join("");

  beforeEach(() => {
    write(
      "app/Dockerfile",
      `FROM base:1 AS tools\nRUN echo tool > /tool\nFROM base:1\n${install}COPY --from=tools /tool /tool\nCOPY src /src\n`,
    );
    write("app/locks/a.lock", lock(first));
    write("app/locks/a.lock.sizes.json", JSON.stringify({ [first]: 100_000, [second]: 7_000 }));
    write("app/.dockerignore", "**/*.sizes.json\n");
  });

  const definitions = () => [definition("app"), definition("base")];
  const stateDir = () => join(project.test.folder, "state");

  async function bill(rebuilds: string[], hasEngine = true, values: object = {}): Promise<Bill> {
    const plan = await planImages(definitions(), {
      stack: "dev",
      cacheAddresses: { "docker.io": project.registry.address },
      digests: { digestOf: async () => project.registry.digests["1"]! },
      stateDir: stateDir(),
    });
    const settings = parseSettings({
      stack: "dev",
      root: project.folder,
      stateDir: stateDir(),
      file: "Pulumi.dev.yaml",
      values: { registryCache: { upstream: `http://${project.registry.address}` }, ...values },
      readSandboxFacts: () => assert.fail("no sandbox here"),
    });
    return billOf({
      settings,
      plan,
      rebuilds: rebuilds.map((name) => ({ image: name })),
      askIndex: false,
      ...(hasEngine && { engine: project.test.engine }),
    });
  }

  async function build(before?: {
    base: ImageState;
    app: ImageState;
  }): Promise<{ base: ImageState; app: ImageState }> {
    const inputs = await inputsOf(definitions());
    const one = session();
    const make = async (name: "base" | "app") =>
      before
        ? (await image.update("id", "urn", before[name], inputs[name]!, one)).outs
        : (await image.create("urn", inputs[name]!, one)).outs;
    return { base: await make("base"), app: await make("app") };
  }

  const packages = ({ fetch }: Bill) =>
    fetch.parts.filter(({ kind }) => kind === "packages").map(({ bytes }) => bytes);
  const layers = ({ fetch }: Bill) => fetch.parts.find(({ kind }) => kind === "layers");

  it("says of which caches it does not know what they hold", async () => {
    const values = {
      packageCache: { mode: "own" },
      buildCache: { type: "registry", ref: "registry.example/cache" },
    };
    const unknown = [
      "what the package cache holds: it counts as fetched",
      "steps that buildCache holds: they count as built here",
    ];
    const { fetch } = await bill(["base", "app"], false, values);
    assert.deepEqual(
      fetch.unknown.filter((line) => unknown.includes(line)),
      unknown,
    );
    assert.deepEqual((await bill([], false, values)).fetch.unknown, []);
  });

  it("counts layers and packages before anything is there, and fetches no layer for it", async () => {
    const asked = project.registry.requests.length;
    const empty = await bill(["base", "app"]);
    assert.deepEqual(packages(empty), [100_000]);
    assert.equal(layers(empty)?.what, "busybox:1");
    assert.ok(layers(empty)!.bytes! > 100_000, JSON.stringify(layers(empty)));
    assert.equal(empty.fetch.bytes, layers(empty)!.bytes! + 100_000);
    assert.deepEqual(empty.fetch.unknown, []);
    assert.ok(empty.disk.available! > 0 && empty.disk.fits);
    const requests = project.registry.requests.slice(asked);
    assert.equal(requests.filter((line) => line.includes("/blobs/")).length, 1, requests.join("\n")); // the configuration
    await bill(["base", "app"]);
    assert.equal(project.registry.requests.length, asked + requests.length, "answers are kept");
  });

  it("counts nothing again that the engine still has", async () => {
    const built = await build();
    const id = (await project.test.engine.info()).id;
    const note = (await readNotes(stateDir(), id)).find((one) => one.image === "app")!;
    const reported = (await project.lastEvent()).steps;
    const installed = note.steps.find(({ text }) => text.includes("uv pip"))!;
    assert.ok(installed.ran, JSON.stringify([note.steps, reported]));
    assert.ok(
      note.steps.some(({ text, bytes }) => text.includes("uv pip") && bytes! >= 300_000),
      JSON.stringify(note.steps),
    );

    write("app/src/main.sh", "echo changed\n");
    const later = await bill(["app"]);
    assert.equal(later.fetch.bytes, 0);
    assert.deepEqual(later.fetch.parts, []);
    assert.equal(later.minutes.basis, "history");

    write("base/a.txt", "another base\n");
    const below = await bill(["base", "app"]);
    assert.equal(below.fetch.bytes, 0, JSON.stringify(below.fetch));
    assert.equal(below.fetch.held, 100_000);
    assert.ok(
      below.disk.parts.some(({ bytes, why }) => bytes! >= 300_000 && why === "as in an earlier build"),
      JSON.stringify(below.disk),
    );

    write("app/locks/a.lock", lock(first, second));
    const more = await bill(["base", "app"]);
    assert.deepEqual(packages(more), [7_000]);
    const states = await build(built);
    assert.equal((await bill(["app"])).fetch.bytes, 0);

    write("app/locks/a.lock", lock(second));
    await project.test.engine.ask({
      method: "POST",
      path: "/build/prune",
      query: { all: true },
      timeoutMs: 60_000,
    });
    const emptied = await bill(["app"]);
    assert.deepEqual(packages(emptied), [7_000], "the cache mount is gone");
    assert.equal(layers(emptied), undefined);
    assert.ok(states.app.reference);
  });

  it("counts everything for a machine without an engine, and names what a silent registry hides", async () => {
    await build();
    const elsewhere = await bill(["base", "app"], false);
    assert.equal(elsewhere.basis, "nothing here");
    assert.deepEqual(packages(elsewhere), [100_000]);
    assert.equal(elsewhere.disk.available, null);
    assert.equal(elsewhere.disk.fits, true);
  });
});
