import { mkdirSync } from "node:fs";
import { stringify } from "yaml";
import { latestByImage } from "../../lib/images/history.ts";
import { run, type Ground } from "../ground.ts";
import type { CudaSet } from "../workload.ts";
import { builtAllTheSame, type Built, type Tool } from "./tool.ts";

/** What `npm start -- --json` says of an image, as far as it is read here. */
export interface ImageTimes {
  name: string;
  seconds: number;
  smokeSeconds: number;
}

/** What each image waits for; a service of whisperx's kind stands on runtime. */
const parents: Record<string, string[]> = {
  "cuda-base-runtime": [],
  "cuda-base-devel": ["cuda-base-runtime"],
  infinitetalk: ["cuda-base-runtime", "cuda-base-devel"],
};

/** `npm start` in a copy of this project, with a stack of its own and Pulumi's state beside it. */
export class StackTool implements Tool {
  private readonly ground: Ground;
  private readonly isFull: boolean;
  private readonly hasSmokeTests: boolean;
  private readonly registryImage: string;
  private services = ["whisperx", "infinitetalk"];

  constructor(ground: Ground, options: { isFull: boolean; hasSmokeTests: boolean; registryImage: string }) {
    this.ground = ground;
    this.isFull = options.isFull;
    this.hasSmokeTests = options.hasSmokeTests;
    this.registryImage = options.registryImage;
    mkdirSync(ground.workspace.path("state"));
  }

  /** What happens once on a machine, and is not timed: the bundle in dist/. */
  async prepare(): Promise<void> {
    await run(this.ground, "node", ["bootstrap/build.mjs"]);
  }

  /** It looks at everything at every run, so an extent has no meaning here. */
  async build(set: CudaSet): Promise<Built> {
    this.ground.workspace.useSet(set);
    this.configure("bench", set);
    return this.start("bench");
  }

  addService(): void {
    this.services = [...this.services, "one-more"];
  }

  async buildBeside(set: CudaSet): Promise<Built> {
    this.ground.workspace.useSet(set);
    this.configure("beside", set, { registryCache: { mode: "external", ...this.cache() } });
    const built = await this.start("beside");
    await this.command("use", "beside");
    return built;
  }

  async tryImpossible(set: CudaSet): Promise<string> {
    this.configure("beside", set, {
      registryCache: { mode: "external", ...this.cache() },
      host: { driver: "470.82.01", gpus: ["RTX 3090"] },
    });
    try {
      await this.start("beside");
    } catch (error) {
      const words = (error as Error).message;
      if (/driver-runs-cuda/.test(words)) return "refused before anything is touched (driver-runs-cuda)";
      throw error;
    }
    return builtAllTheSame;
  }

  async emptyProgram(): Promise<number> {
    const folder = this.ground.workspace.path("empty-program");
    const env = JSON.parse(
      await this.command("env", "--stack", "bench", "--built-toolchain", "--json"),
    ) as Record<string, string>;
    const pulumi = (...args: string[]) =>
      run(this.ground, "pulumi", [...args, "--cwd", folder, "--stack", "empty", "--non-interactive"], {
        ...env,
        ...this.backend(),
      });
    await pulumi("stack", "select", "--create").catch(() => pulumi("stack", "init"));
    await pulumi("up", "--yes", "--skip-preview");
    const began = performance.now();
    await pulumi("up", "--yes", "--skip-preview");
    return (performance.now() - began) / 1000;
  }

  async baseSeconds(): Promise<{ base: number; besides: number } | undefined> {
    const events = await latestByImage(this.ground.workspace.path("state"), "bench");
    const { buildSeconds, steps = [], housekeeping = [] } = events.get("cuda-base-runtime") ?? {};
    if (buildSeconds === undefined) return undefined;
    return { base: buildSeconds, besides: secondsBesidesTorch([...steps, ...housekeeping]) };
  }

  private async start(stack: string): Promise<Built> {
    const text = await this.command("start", "--stack", stack, "--built-toolchain", "--json");
    const { images } = JSON.parse(text) as { images: ImageTimes[] };
    return { smokeSeconds: smokeOnThePath(images) };
  }

  private command(...args: string[]): Promise<string> {
    return run(this.ground, "node", ["bootstrap/run.mjs", ...args], this.backend());
  }

  private backend(): Record<string, string> {
    return {
      PULUMI_BACKEND_URL: `file://${this.ground.workspace.path("state")}`,
      PULUMI_CONFIG_PASSPHRASE: "",
    };
  }

  private cache(): Record<string, unknown> {
    const { line, cachePort } = this.ground;
    return { image: this.registryImage, upstream: line.upstream, port: cachePort };
  }

  private configure(stack: string, set: CudaSet, further: Record<string, unknown> = {}): void {
    const { engine, line, workspace, packageCache } = this.ground;
    const settings: Record<string, unknown> = {
      engine: { host: engine.dockerHost, network: "host" },
      registryCache: this.cache(),
      ...(packageCache && {
        packageCache: { mode: stack === "bench" ? "own" : "external", ...packageCache },
      }),
      proxy: { http: line.proxy, https: line.proxy },
      cudaBase: {
        cuda: set.cuda,
        torch: set.torch,
        python: "3.11",
        image: set.image,
        cudaArchitectures: ["8.6"],
      },
      services: Object.fromEntries(
        (set.hasServices ? this.services : []).map((name) => [name, this.service(name)]),
      ),
      stateDir: workspace.path("state"),
      ...further,
    };
    const config = Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [`gpu-build-host:${key}`, value]),
    );
    // The salt of an empty passphrase: without one `stack init` would write another into the file.
    const encryptionsalt = "v1:CZ0E40Kofok=:v1:TRwiqIKCO39ch8vd:DAh8sx4BuqxXh7F6NHxYN8SqTXR4sA==";
    workspace.write(`Pulumi.${stack}.yaml`, stringify({ config, encryptionsalt }));
  }

  private service(name: string): Record<string, unknown> {
    const hasTest = this.hasSmokeTests && name !== "one-more";
    return {
      context: `services/${name}`,
      ...(name === "infinitetalk" && this.isFull && { args: { SOURCE: "stand-in", FLASH_ATTN: "none" } }),
      ...(hasTest && {
        smokeTest: {
          command: ["python3", "/smoke-test/check.py"],
          folder: `services/${name}/smoke-test`,
        },
      }),
    };
  }
}

/**
 * Seconds of the torch base's build in which only such steps ran as neither install packages of its locks nor write the image.
 * What lies between two steps is not among them: there the bytes of the last one go to the disk.
 */
export function secondsBesidesTorch(
  steps: readonly { name: string; seconds: number; began?: string }[],
): number {
  const spans = steps.flatMap(({ name, seconds, began }) => {
    const start = Date.parse(began ?? "") / 1000;
    if (Number.isNaN(start)) return [];
    const isOfTorch = name.includes("/installer/add-packages ") || name === "exporting to image";
    return [{ start, end: start + seconds, isOfTorch }];
  });
  const edges = [...new Set(spans.flatMap(({ start, end }) => [start, end]))].sort((a, b) => a - b);
  return edges.reduce((sum, edge, index) => {
    const next = edges[index + 1] ?? edge;
    const running = spans.filter(({ start, end }) => start <= edge && next <= end);
    return running.length > 0 && running.every((span) => !span.isOfTorch) ? sum + next - edge : sum;
  }, 0);
}

/**
 * Seconds by which smoke tests made a run longer: the longest chain of builds and tests, less the longest chain of builds.
 * The sum of all tests would be too much to take off, since independent images are tried side by side.
 */
export function smokeOnThePath(images: readonly ImageTimes[]): number {
  const byName = new Map(images.map((image) => [image.name, image]));
  const end = (name: string, withTests: boolean): number => {
    const image = byName.get(name);
    if (!image) return 0;
    const above = (parents[name] ?? ["cuda-base-runtime"]).map((parent) => end(parent, withTests));
    return Math.max(0, ...above) + image.seconds + (withTests ? image.smokeSeconds : 0);
  };
  const longest = (withTests: boolean) => Math.max(0, ...images.map(({ name }) => end(name, withTests)));
  return longest(true) - longest(false);
}
