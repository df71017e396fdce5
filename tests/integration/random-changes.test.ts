import assert from "node:assert/strict";
import { engineAt } from "../../lib/docker/engine.ts";
import { pick, randomFrom } from "../images/edit-world.ts";
import { fileEdits } from "../images/graph-file-edits.ts";
import type { GraphWorld } from "../images/graph-world.ts";
import { firstValues, writeRealGraph } from "../images/real-graph.ts";
import { standInPrograms } from "../images/stand-in-programs.ts";
import { Project, smallBase } from "./project.ts";

/** More by hand; tests/images/exact-graph.test.ts makes many without Pulumi itself. */
const edits = Number(process.env.GBH_PULUMI_EDITS ?? 2);
/** The same edits each time, so that a failure can be repeated; another number tries others. */
const seed = Number(process.env.GBH_SEED ?? 5);

describe("pulumi preview over the project's own images", function () {
  this.timeout(30 * 60_000);
  let project: Project;
  const values = firstValues();

  before(async () => {
    values.cudaBase.image = smallBase;
    for (const service of Object.values(values.services)) delete service.smokeTest;
    project = new Project({ cudaBase: values.cudaBase, services: values.services });
    writeRealGraph(project.root);
    for (const [path, text] of Object.entries(standInPrograms))
      project.write(`cuda-base/stand-ins/${path}`, text, 0o755);
    project.write("cuda-base/.dockerignore", `${project.read("cuda-base/.dockerignore")}!stand-ins\n`);
    project.write("cuda-base/Dockerfile.runtime", onStandIns(project.read("cuda-base/Dockerfile.runtime")));
    await project.start();
  });
  after(() => project.remove());

  it(`lists what npm start then builds, after each of ${edits} random changes of files (GBH_SEED=${seed})`, async () => {
    const world: GraphWorld = {
      folder: project.root,
      args: {},
      digests: {},
      random: randomFrom(seed),
      values,
      engine: engineAt("unix:///unused.sock"),
      references: () => new Map(),
    };
    let built = 0;
    for (let count = 1; count <= edits;) {
      const what = await pick(world, fileEdits)(world);
      if (what === undefined || what === "nothing") continue;
      count++;
      const listed = (await project.preview()).map(({ name }) => name).sort();
      const { changed, images } = await project.start();
      const made = images.filter(({ result }) => result === "built").map(({ name }) => name);
      assert.deepEqual(made.sort(), listed, what);
      assert.deepEqual([...new Set(changed.map(({ name }) => name))].sort(), listed, what);
      built += made.length;
      console.log(`        ${what}: ${listed.join(", ") || "nothing"}`);
    }
    assert.ok(built > 0, "no edit changed anything");
  });
});

/** The Dockerfile with the stand-in programs below everything. */
function onStandIns(dockerfile: string): string {
  const os = "FROM ${CUDA_BASE} AS os\nCOPY stand-ins /\nENV PATH=/usr/local/bin:/usr/bin:/bin";
  return dockerfile
    .replace("FROM ${CUDA_BASE} AS installer", `${os}\nFROM os AS installer`)
    .replace("FROM ${CUDA_BASE} AS runtime", "FROM os AS runtime");
}
