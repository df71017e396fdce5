import { run } from "../ground.ts";
import type { CudaSet } from "../workload.ts";
import { ByDocker } from "./by-docker.ts";
import { proxyArguments, setVariables, type Built, type Extent } from "./tool.ts";

const files = ["compose.build.yaml", "docker-bake.hcl", "one-more.yaml", "one-more.hcl"].map(
  (name) => `services/${name}`,
);
const bases = ["cuda-base-runtime", "cuda-base-devel"];

/** `docker buildx bake` over this repository's bake file. */
export class BakeTool extends ByDocker {
  async build(set: CudaSet, extent: Extent): Promise<Built> {
    this.ground.workspace.useSet(set);
    await this.bake(
      set,
      extent === "whisperx" ? ["whisperx"] : [...bases, ...(set.hasServices ? this.services : [])],
    );
    return {};
  }

  private async bake(set: CudaSet, targets: string[]): Promise<void> {
    const args = ["buildx", "bake", "--builder", "default", "--provenance=false"];
    const more = proxyArguments(this.ground.line.proxy).flatMap((one) => {
      const [name, value] = one.split(/=(.*)/s);
      return ["--set", `*.args.${name}=${value}`];
    });
    more.push("--set", `cuda-base-devel.args.LOCK=${set.lock}`); // the guide's devel base installs torch itself
    const from = files.flatMap((file) => ["--file", file]);
    await run(this.ground, "docker", [...args, ...from, ...more, ...targets], setVariables(set));
  }
}
