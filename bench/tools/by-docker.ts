import { run, type Ground } from "../ground.ts";
import type { CudaSet } from "../workload.ts";
import { builtAllTheSame, shortCuda, type Built, type Extent, type Tool } from "./tool.ts";

/** What bake and compose have in common: nothing of theirs moves a tag or refuses an upgrade. */
export abstract class ByDocker implements Tool {
  protected readonly ground: Ground;
  protected services = ["whisperx", "infinitetalk"];

  constructor(ground: Ground) {
    this.ground = ground;
  }

  abstract build(set: CudaSet, extent: Extent): Promise<Built>;

  addService(): void {
    this.services = [...this.services, "one-more"];
  }

  async buildBeside(set: CudaSet): Promise<Built> {
    await this.build(set, "images");
    for (const name of set.hasServices ? this.services : [])
      await run(this.ground, "docker", ["tag", `${name}:${shortCuda(set)}`, `${name}:latest`]);
    return {};
  }

  async tryImpossible(set: CudaSet): Promise<string> {
    await this.build(set, "images");
    return builtAllTheSame;
  }
}
