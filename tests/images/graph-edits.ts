import { renameSync } from "node:fs";
import { execa } from "execa";
import { pick } from "./edit-world.ts";
import { fileEdits } from "./graph-file-edits.ts";
import { settingsEdits } from "./graph-settings-edits.ts";
import { number, remember, restore, type GraphEdit, type GraphWorld, type Moment } from "./graph-world.ts";

/** Makes random edits, and remembers what was before each. */
export class GraphEdits {
  private readonly moments: Moment[] = [];
  private readonly edits: GraphEdit[];

  constructor() {
    const back: GraphEdit = (world) => this.goBack(world);
    this.edits = [...settingsEdits, ...fileEdits, ...fileEdits, moveFolder, ...engineEdits, back, back, back];
  }

  /** Makes one edit; returns what it was. */
  async next(world: GraphWorld): Promise<string> {
    const before = remember(world);
    for (;;) {
      const what = await pick(world, this.edits)(world);
      if (what === undefined) continue;
      this.moments.push(before);
      if (this.moments.length > 6) this.moments.shift();
      return what;
    }
  }

  private goBack(world: GraphWorld): string | undefined {
    if (this.moments.length === 0) return undefined;
    const index = Math.floor(world.random() * this.moments.length);
    restore(world, this.moments[index]!);
    return `settings and files of ${this.moments.length - index} edits ago`;
  }
}

function moveFolder(world: GraphWorld): string {
  const to = `${world.folder.replace(/-\d+$/, "")}-${number(world)}`;
  renameSync(world.folder, to);
  world.folder = to;
  return "the whole folder moved";
}

const engineEdits: GraphEdit[] = [
  async (world) => {
    const [name, reference] = pick(world, [...world.references()]);
    await world.engine.untag(reference);
    return `the hash reference of ${name} removed`;
  },
  async (world) => {
    const [name, reference] = pick(world, [...world.references()]);
    const tags = (await world.engine.image(reference))?.tags ?? [];
    for (const tag of tags) await world.engine.untag(tag);
    return `all names of ${name} removed`;
  },
  async (world) => {
    const references = [...world.references()];
    const [name, reference] = pick(world, references);
    const tag = (await world.engine.image(reference))?.tags.find(
      (other) => !other.startsWith("localhost:1/"),
    );
    if (tag === undefined) return undefined;
    if (world.random() < 0.5) await world.engine.untag(tag);
    else await world.engine.tag(pick(world, references)[1], tag);
    return `a friendly tag of ${name} moved or removed`;
  },
  async (world) => {
    if (world.random() > 0.3) return undefined;
    const reference = world.references().get("cuda-base-runtime")!;
    for (const tag of (await world.engine.image(reference))?.tags ?? []) await world.engine.untag(tag);
    await execa("docker", ["builder", "prune", "--all", "--force"], {
      env: { DOCKER_HOST: world.engine.host },
    });
    return "cuda-base-runtime lost together with the build cache";
  },
];
