import { join } from "node:path";
import { execa, type Options } from "execa";
import { runningEngine } from "../../sandbox/running-engine.ts";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { stopSandbox } from "../../sandbox/sandbox.ts";

export const root = join(import.meta.dirname, "..", "..");
const sandboxRoot = join(root, ".sandbox");

/** What the stack `sandbox` has, as Pulumi.sandbox.yaml says. */
export const cuda = "12.6";
export const python = "3.11";
export const runtime = `cuda-base:runtime-${cuda}`;
export const devel = `cuda-base:devel-${cuda}`;
export const whisperx = "whisperx:cu126";
export const infinitetalk = "infinitetalk:cu126";

/**
 * An engine that has the real images. They are those of this clone's sandbox: used where they are, else `npm start` builds them once.
 * GPU_BUILD_HOST_TEST_ENGINE=unix:///… names another engine that has them.
 */
export class RealImages {
  private readonly env: Record<string, string>;
  private readonly stopAfterwards: boolean;

  private constructor(env: Record<string, string>, stopAfterwards: boolean) {
    this.env = env;
    this.stopAfterwards = stopAfterwards;
  }

  static async open(): Promise<RealImages> {
    const given = process.env["GPU_BUILD_HOST_TEST_ENGINE"];
    if (given) return new RealImages({ DOCKER_HOST: given }, false);
    const wasRunning = (await runningEngine(sandboxLayout(sandboxRoot))) !== undefined;
    const { stdout } = await execa("npm", ["run", "--silent", "env", "--", "--json"], { cwd: root });
    const images = new RealImages(JSON.parse(stdout) as Record<string, string>, !wasRunning);
    const present = await Promise.all(
      [runtime, devel, whisperx, infinitetalk].map((name) => images.has(name)),
    );
    if (present.includes(false)) await execa("npm", ["start"], { cwd: root, stdio: "inherit" });
    return images;
  }

  /** Leaves the sandbox as it was found: running or not. Its images stay for the next time. */
  async close(): Promise<void> {
    if (this.stopAfterwards) await stopSandbox(sandboxRoot);
  }

  /** Runs docker and returns its output; fails with its words. */
  async docker(args: string[], options: Options & { env?: Record<string, string> } = {}): Promise<string> {
    const result = await execa("docker", args, {
      ...options,
      env: { ...this.env, ...options.env },
      all: true,
    });
    return String(result.stdout);
  }

  /** `docker buildx build` as a person would call it; returns BuildKit's plain progress. */
  async build(context: string, args: string[]): Promise<string> {
    const fixed = [
      "buildx",
      "build",
      "--builder",
      "default",
      "--network",
      "host",
      "--provenance=false",
      "--progress",
      "plain",
    ];
    const result = await execa("docker", [...fixed, ...args, context], { env: this.env, all: true });
    return String(result.all);
  }

  /** Content digests of the image's layers, lowest first. */
  async layers(image: string): Promise<string[]> {
    return JSON.parse(
      await this.docker(["image", "inspect", "--format", "{{json .RootFS.Layers}}", image]),
    ) as string[];
  }

  /** Runs a command in the image, without network. */
  run(image: string, command: string[]): Promise<string> {
    return this.docker(["run", "--rm", "--network", "none", image, ...command]);
  }

  private async has(image: string): Promise<boolean> {
    return (
      (await execa("docker", ["image", "inspect", image], { env: this.env, reject: false })).exitCode === 0
    );
  }
}
