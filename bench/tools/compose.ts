import { run, type Ground } from "../ground.ts";
import type { CudaSet } from "../workload.ts";
import { ByDocker } from "./by-docker.ts";
import { ImpossibleError, proxyArguments, setVariables, type Built, type Extent } from "./tool.ts";

/** `docker compose build`, with the guide's scripts before it where the way has them. */
export class ComposeTool extends ByDocker {
  private readonly isGuide: boolean;
  private readonly registryImage: string;

  constructor(ground: Ground, options: { isGuide: boolean; registryImage: string }) {
    super(ground);
    this.isGuide = options.isGuide;
    this.registryImage = options.registryImage;
  }

  async build(set: CudaSet, extent: Extent): Promise<Built> {
    this.ground.workspace.useSet(set);
    if (this.isGuide && extent === "everything") {
      await this.script(set, "configure-registry-cache.sh");
      await this.script(set, "prepull-images.sh");
    }
    if (this.isGuide && (extent === "everything" || extent === "images"))
      await this.script(set, "build-cuda-base.sh", "all");
    if (set.hasServices) await this.compose(set, extent === "whisperx" ? ["whisperx"] : this.services);
    else if (!this.isGuide)
      throw new ImpossibleError("no service can follow to this torch, and this way has no bases of its own");
    return {};
  }

  private async compose(set: CudaSet, services: string[]): Promise<void> {
    const args = proxyArguments(this.ground.line.proxy).flatMap((one) => ["--build-arg", one]);
    await run(this.ground, "docker", ["compose", "build", ...args, ...services], this.variables(set));
  }

  private async script(set: CudaSet, name: string, ...args: string[]): Promise<void> {
    await run(this.ground, `scripts/${name}`, args, this.variables(set));
  }

  private variables(set: CudaSet): Record<string, string> {
    const { engine, line, cachePort } = this.ground;
    return {
      ...setVariables(set),
      REGISTRY_IMAGE: this.registryImage,
      CACHE_PORT: String(cachePort),
      UPSTREAM: line.upstream,
      DAEMON_JSON: engine.layout.daemonConfig,
      DOCKERD_PID: String(engine.pid),
      BUILD_PROXY: proxyArguments(line.proxy)
        .map((one) => `--build-arg ${one}`)
        .join(" "),
    };
  }
}
