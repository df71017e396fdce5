import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import { buildImage } from "../../lib/images/build.ts";
import type { ImageEvent } from "../../lib/images/history.ts";
import type { ImagePlan } from "../../lib/images/types.ts";
import type { Settings } from "../../lib/settings/settings.ts";
import { busyboxImage, serveImages, type TestRegistry } from "./busybox-registry.ts";
import { randomFrom } from "./edit-world.ts";
import { GraphEdits } from "./graph-edits.ts";
import { contentOf, GraphStack } from "./graph-run.ts";
import type { GraphWorld } from "./graph-world.ts";
import { choices, firstValues, settingsOf, writeImageLock, writeRealGraph } from "./real-graph.ts";
import { standInPrograms } from "./stand-in-programs.ts";
import { startTestEngine, type TestEngine } from "./test-engine.ts";

/** More by hand, e.g. `GBH_EDITS=200`. */
const edits = Number(process.env.GBH_EDITS ?? 20);
/** The same edits each time, so that a failure can be repeated; another number tries others. */
const seed = Number(process.env.GBH_SEED ?? 1);

describe("preview's list of rebuilds over the project's own images", function () {
  this.timeout(3 * 60 * 60_000);
  let test: TestEngine;
  let registry: TestRegistry;

  before(async () => {
    test = await startTestEngine("graph");
    const images = await Promise.all(
      choices.image.map(async (name, index) => {
        const image = await busyboxImage(name, `variant ${index}`, standInPrograms);
        return [name.split(":")[1]!, image] as const;
      }),
    );
    registry = await serveImages("nvidia/cuda", new Map(images));
  });
  after(async () => {
    await registry?.stop();
    await test?.stop();
  });

  it(`is what up builds, after each of ${edits} random changes (GBH_SEED=${seed})`, async () => {
    const stack = new GraphStack();
    const world: GraphWorld = {
      folder: join(test.folder, "clone-0"),
      args: {},
      values: firstValues(),
      digests: Object.fromEntries(
        choices.image.map((name) => [name, registry.digests[name.split(":")[1]!]!]),
      ),
      random: randomFrom(seed),
      engine: test.engine,
      references: () => new Map([...stack.states].map(([name, { reference }]) => [name, reference])),
    };
    mkdirSync(world.folder);
    writeRealGraph(world.folder);
    writeImageLock(world.folder, world.digests);
    const counts = new Counts();
    /** Images whose steps are in no cache: building one tells nothing. */
    const uncached = new Set<string>();
    const random = new GraphEdits();
    await stack.up(settings(world));
    for (const { reference } of stack.states.values())
      await contentOf((await test.engine.image(reference))!.id, test.engine);

    for (let count = 1; count <= edits; count++) {
      const what = await random.next(world);
      if (what.includes("build cache")) for (const name of stack.states.keys()) uncached.add(name);
      const now = settings(world);
      const former = new Map([...stack.states].map(([name, { reference }]) => [name, reference]));
      const formerIds = await idsOf(former, test);
      const { forecast, changed } = await stack.preview(now);
      const listed = forecast.images.filter(({ will }) => will === "build").map(({ image }) => image);
      const events = await stack.up(now);
      const built = events.filter(({ result }) => result === "built");
      for (const { image } of built) uncached.delete(image);
      counts.edits++;
      counts.listed += listed.length;
      const difference = `listed ${listed.join(", ")}; built ${built.map(({ image }) => image).join(", ")}; ${what}`;
      if (
        listed.sort().join() !==
        built
          .map(({ image }) => image)
          .sort()
          .join()
      )
        counts.wrong.push(`${count}: ${difference}`);
      const unseen = built.filter(({ image }) => !changed.includes(image));
      if (unseen.length > 0)
        counts.wrong.push(`${count}: without a change in Pulumi's preview; ${difference}`);
      const after = await stack.preview(now);
      const left = after.forecast.images.filter(({ will }) => will !== "nothing");
      if (left.length > 0 || after.changed.length > 0)
        counts.unsettled.push(`${count}: ${JSON.stringify(left)} ${after.changed.join()}; ${what}`);
      for (const event of built) await counts.judge(event, formerIds.get(event.image), what, test);
      for (const plan of await stack.plan(now)) {
        if (listed.includes(plan.name) || uncached.has(plan.name)) continue;
        if (!isNear(plan, what) && world.random() > 0.15) continue;
        counts.tried++;
        const executed = await tryAnew(plan, test);
        if (executed) counts.missed.push(`${count}: ${plan.name} executes ${executed}; ${what}`);
      }
      if (process.env.GBH_EDITS) console.log(`        ${count}: ${what}: ${listed.join(", ") || "nothing"}`);
    }
    counts.print();
    assert.deepEqual(counts.wrong, []);
    assert.deepEqual(counts.missed, []);
    assert.deepEqual(counts.unsettled, []);
    assert.ok(counts.listed > edits / 3, `only ${counts.listed} images were listed: the edits do too little`);
  });

  function settings(world: GraphWorld): Settings {
    return settingsOf(world.folder, world.values, {
      stateDir: join(test.folder, "state"),
      dockerHost: test.dockerHost,
      cachePort: Number(registry.address.split(":")[1]),
    });
  }
});

/** Whether an edit could be about an image: these are always tried. */
function isNear({ name, parents }: ImagePlan, what: string): boolean {
  return [name, ...parents].some((image) =>
    what.includes(image.replace("cuda-base-", "cuda-base/Dockerfile.")),
  );
}

async function idsOf(references: Map<string, string>, { engine }: TestEngine): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  for (const [name, reference] of references) {
    const image = await engine.image(reference);
    if (image) ids.set(name, image.id);
  }
  return ids;
}

/** Builds an unlisted image under another name. Returns what was new: steps that ran, or another image. */
async function tryAnew(plan: ImagePlan, { engine }: TestEngine): Promise<string | undefined> {
  const name = `probe/${plan.name}:1`;
  const build = { ...plan, rebuild: { ...plan.rebuild, noCache: false } };
  const { steps } = await buildImage(build, name, { engine, signal: new AbortController().signal });
  const isSame = (await engine.image(name))?.id === (await engine.image(plan.reference))?.id;
  await engine.untag(name);
  const ran = steps.filter(({ cached }) => !cached).map((step) => step.name);
  return ran.length > 0 ? ran.join(", ") : isSame ? undefined : "nothing, but the image is another one";
}

/** What came of the edits. */
class Counts {
  edits = 0;
  listed = 0;
  tried = 0;
  seconds = 0;
  /** Edits after which the list was not what was built. */
  readonly wrong: string[] = [];
  /** Images that were not listed, although a build of them does something. */
  readonly missed: string[] = [];
  /** Edits after which a second run would do something again. */
  readonly unsettled: string[] = [];
  /** Images that were built, and came out as they were: by BuildKit's cache alone, or with steps that ran. */
  readonly idle: string[] = [];
  readonly same: string[] = [];

  async judge(
    event: ImageEvent,
    formerId: string | undefined,
    what: string,
    { engine }: TestEngine,
  ): Promise<void> {
    this.seconds += event.buildSeconds;
    const image = (await engine.image(event.reference))!;
    const content = await contentOf(image.id, engine); // read while it is there
    if (formerId === undefined) return;
    const line = `${event.image} (${event.reasons.join(", ")}): ${what}`;
    if (image.id === formerId) this.idle.push(line);
    else if (content === (await contentOf(formerId, engine))) this.same.push(line);
  }

  print(): void {
    const table = new Table({ style: { head: [], border: [], compact: true } });
    table.push(
      ["changes", this.edits],
      ["list equals what was built", `${this.edits - this.wrong.length} of ${this.edits}`],
      ["images listed and built", this.listed],
      ["unlisted images built to see", this.tried],
      ["missed", this.missed.length],
      ["something left for a second run", this.unsettled.length],
      ["rebuilt to the same image, from the cache", this.idle.length],
      ["rebuilt with steps, same content", this.same.length],
    );
    console.log(table.toString().replace(/^/gm, "      "));
    for (const line of [...this.idle, ...this.same]) console.log(`        same as before: ${line}`);
  }
}
