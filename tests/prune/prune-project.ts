import { randomBytes } from "node:crypto";
import { execa } from "execa";
import { readTagLedger } from "../../lib/images/tag-ledger.ts";
import { readContent, type DiskUse } from "../../lib/prune/content.ts";
import { planPrune, type PruneOptions, type PrunePlan } from "../../lib/prune/plan.ts";
import { runPrune } from "../../lib/prune/run.ts";
import { image, type ImageState } from "../../provider/image.ts";
import { useImageProject, type Inputs } from "../provider/image-project.ts";

/** Leaves the build cache alone, but for what stands on removed layers. */
export const patient: Partial<PruneOptions> = { olderThan: 365 * 86_400_000, keepBytes: 1e12 };

/** A plan with what the disk held when it was made. */
export type MadePlan = PrunePlan & { disk: DiskUse };

/** A private engine with stacks of two small images for the suite that calls this, and a prune of it. */
export function usePruneProject(name: string, imageStore: "overlay2" | "containerd" = "overlay2") {
  const project = useImageProject(name, imageStore);
  const { write, definition, inputsOf, session } = project;
  const engine = () => project.test.engine;
  const stateDir = () => `${project.test.folder}/state`;
  const docker = (...args: string[]) => execa("docker", args).then(({ stdout }) => stdout.trim());

  /** What a run makes of the two images of a stack; `bytes` is the size of what is new in `app`. */
  async function up(stack: string, bytes: number, more: Partial<Inputs> = {}): Promise<ImageState> {
    write(
      "app/src/main.sh",
      `echo ${randomBytes(Math.ceil(bytes / 2))
        .toString("hex")
        .slice(0, bytes - 6)}\n`,
    );
    const inputs = await inputsOf([definition("app"), definition("base")], stack, stack);
    for (const name of ["base", "app"])
      await image.update(
        "id",
        "urn",
        inputs[name] as ImageState,
        { ...inputs[name]!, keep: 10, ...more },
        session(),
      );
    return inputs.app as ImageState;
  }

  async function plan(more: Partial<PruneOptions> = {}): Promise<MadePlan> {
    const content = await readContent(engine());
    const ledger = await readTagLedger(stateDir(), (await engine().info()).id);
    const made = planPrune(content, ledger, {
      settings: new Map([["dev", { versions: 2 }]]),
      stacksWithState: new Set(),
      volumes: false,
      now: Date.now(),
      olderThan: 0,
      keepBytes: 0,
      ...more,
    });
    return { ...made, disk: content.disk };
  }

  const run = (made: MadePlan, signal = new AbortController().signal, onStep?: () => void) =>
    runPrune(made, made.disk, {
      engine: engine(),
      stack: "dev",
      stateDir: stateDir(),
      signal,
      ...(onStep && { onStep }),
    });

  const names = async () => (await engine().imageList()).flatMap(({ tags }) => tags).sort();
  const images = (made: PrunePlan) => made.items.filter(({ kind }) => kind === "image");

  /** What really lies in the engine's folder: bytes of the files of all layers. */
  async function bytesOnDisk(): Promise<number> {
    const { stdout } = await execa("find", [
      `${project.test.folder}/engine/docker/overlay2`,
      ...["-mindepth", "3", "-path", "*/diff/*", "-type", "f", "-printf", "%s\n"],
    ]);
    return stdout.split("\n").reduce((total, line) => total + Number(line), 0);
  }

  /** Builds a folder of the project as a person does, on the tests' busybox. Returns the image's ID. */
  function buildFolder(folder: string, ...more: string[]): Promise<string> {
    const { address, digests } = project.registry;
    return docker(
      ...["buildx", "build", "--builder", "default", "--quiet", "--provenance=false", "--network", "host"],
      ...["--build-context", `busybox:1=docker-image://${address}/library/busybox@${digests["1"]}`],
      ...more,
      `${project.folder}/${folder}`,
    );
  }

  /** Images that are nobody's of us: with a name, without one, with a name of ours taken by hand. */
  async function foreignImages(): Promise<string> {
    write("foreign/Dockerfile", "FROM busybox:1\nARG WHAT\nRUN head -c 70000 /dev/urandom > /$WHAT\n");
    const build = (what: string, ...more: string[]) =>
      buildFolder("foreign", "--build-arg", `WHAT=${what}`, ...more);
    await build("named", "--tag", "foreign:1");
    return build("nameless");
  }

  return {
    project,
    engine,
    stateDir,
    docker,
    up,
    plan,
    run,
    names,
    images,
    bytesOnDisk,
    buildFolder,
    foreignImages,
  };
}
