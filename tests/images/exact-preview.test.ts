import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildImage } from "../../lib/images/build.ts";
import { planImages } from "../../lib/images/plan.ts";
import type { ImagePlan } from "../../lib/images/types.ts";
import { serveBusybox, type TestRegistry } from "./busybox-registry.ts";
import { randomFrom, type World } from "./edit-world.ts";
import { randomEdit } from "./random-edits.ts";
import { tenImages, writeTenImages } from "./ten-images.ts";
import { startTestEngine, type TestEngine } from "./test-engine.ts";

const edits = Number(process.env.EDITS ?? 60);
/** The same edits each time, so that a failure can be repeated; `SEED=random`, or another number, tries others. */
const seed = process.env.SEED === "random" ? Date.now() % 1_000_000 : Number(process.env.SEED ?? 3);

describe("what a preview lists against what BuildKit executes", function () {
  this.timeout(900_000);
  let engine: TestEngine;
  let registry: TestRegistry;

  before(async () => {
    engine = await startTestEngine("exact", process.env.STORE === "containerd" ? "containerd" : "overlay2");
    registry = await serveBusybox(["1", "2"]);
  });
  after(async () => {
    await registry?.stop();
    await engine?.stop();
  });

  it(`agrees over ${edits} random edits of a graph of ten images (SEED=${seed})`, async () => {
    const world: World = {
      folder: join(engine.folder, "clone-0"),
      args: { MODE: "fast" },
      digests: { "busybox:1": registry.digests["1"]!, "busybox:2": registry.digests["2"]! },
      random: randomFrom(seed),
    };
    mkdirSync(world.folder);
    writeTenImages(world.folder);
    /** Hash references that exist: an image with one of them is reused. */
    const built = new Set<string>();
    const identities = new Map<string, Set<string>>();
    const done: string[] = [];
    const missed: string[] = [];
    const idle: string[] = [];
    let listed = 0;
    let plans = await plan(world, engine, registry);
    for (const image of plans) await build(image, built, identities, engine);

    for (let count = 1; count <= edits; count++) {
      const what = randomEdit(world);
      done.push(`${count}: ${what}`);
      const before = new Map(plans.map((image) => [image.name, image.hash]));
      plans = await plan(world, engine, registry);
      for (const image of plans) {
        const isListed = !built.has(image.reference);
        const touched =
          image.hash !== before.get(image.name) || what.includes(image.name) || what.includes("folder moved");
        // Images that nothing points at are tried now and then: a miss could be anywhere.
        if (!isListed && !touched && world.random() > 0.15) continue;
        const executed = await build(image, built, identities, engine);
        if (isListed) listed++;
        if (executed && !isListed) missed.push(`edit ${count} (${what}): ${image.name} executed ${executed}`);
        if (!executed && isListed) idle.push(`edit ${count} (${what}): ${image.name}`);
      }
    }
    console.log(
      `      ${edits} edits, ${listed} images listed, ${missed.length} missed, ${idle.length} rebuilt with nothing to do`,
    );
    for (const line of idle) console.log(`        nothing to do: ${line}`);
    assert.deepEqual(missed, [], `after these edits:\n${done.join("\n")}`);
    assert.ok(listed >= edits / 3, `only ${listed} images were listed: the edits do too little`);
    assert.ok(idle.length / listed < 0.05, `${idle.length} of ${listed} listed images had nothing to do`);
  });
});

function plan(world: World, engine: TestEngine, registry: TestRegistry): Promise<ImagePlan[]> {
  return planImages(tenImages(world.folder, world.args), {
    stack: "exact",
    cacheAddresses: { "docker.io": registry.address },
    digests: { digestOf: async (reference) => world.digests[reference]! },
    stateDir: join(engine.folder, "state"),
  });
}

/** Builds an image whatever the plan says; returns what was new: a step that ran, or another image. */
async function build(
  image: ImagePlan,
  built: Set<string>,
  identities: Map<string, Set<string>>,
  { engine }: TestEngine,
): Promise<string | undefined> {
  const record = await buildImage(image, image.reference, { engine, signal: new AbortController().signal });
  built.add(image.reference);
  const { id } = (await engine.image(image.reference))!;
  const known = identities.get(image.name) ?? new Set();
  identities.set(image.name, known);
  const isNew = !known.has(id);
  known.add(id);
  const ran = record.steps.filter(({ cached }) => !cached).map(({ name }) => name);
  return ran.length > 0 ? ran.join(", ") : isNew ? "nothing, but the image is another one" : undefined;
}
