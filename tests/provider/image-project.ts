import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BuildRun } from "../../lib/images/build-run.ts";
import { readHistory } from "../../lib/images/history.ts";
import { pinnedVersions } from "../../lib/images/pinned-versions.ts";
import { planImages } from "../../lib/images/plan.ts";
import type { ImageDefinition, ImagePlan } from "../../lib/images/types.ts";
import { image, type ImageState } from "../../provider/image.ts";
import type { Session } from "../../provider/resource-handler.ts";
import { serveBusybox, type TestRegistry } from "../images/busybox-registry.ts";
import { startTestEngine, type TestEngine } from "../images/test-engine.ts";

export type Inputs = Parameters<typeof image.create>[1];

/** A private engine for the suite that calls this, and on it a project of two images, fresh for each test. */
export function useImageProject(name: string, imageStore: "overlay2" | "containerd" = "overlay2") {
  let test: TestEngine;
  let registry: TestRegistry;
  let folder: string;

  before(async () => {
    test = await startTestEngine(name, imageStore);
    registry = await serveBusybox(["1"]);
  });
  after(async () => {
    await registry?.stop();
    await test?.stop();
  });
  beforeEach(async () => {
    folder = join(test.folder, "project");
    rmSync(folder, { recursive: true, force: true });
    await wipe();
    write("base/Dockerfile", "FROM busybox:1\nARG REBUILD\nCOPY a.txt /a.txt\nRUN cat /a.txt\n");
    write("base/a.txt", "a\n");
    write("app/Dockerfile", "FROM base:1\nCOPY src /src\nRUN cat /src/*\n");
    write("app/src/main.sh", "echo fine\n");
    write("smoke/check.sh", "sh /src/main.sh\n");
  });

  function write(path: string, text: string): void {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }

  /** Removes every image and container, and what the ledger says. */
  async function wipe(): Promise<void> {
    const docker = await test.engine.client();
    for (const { Id } of await docker.listContainers({ all: true }))
      await docker.getContainer(Id).remove({ force: true });
    for (const { Id } of await docker.listImages()) await docker.getImage(Id).remove({ force: true });
    rmSync(join(test.folder, "state"), { recursive: true, force: true });
  }

  function definition(name: string, further: Partial<ImageDefinition> = {}): ImageDefinition {
    const common = {
      dockerfile: "Dockerfile",
      args: {},
      contexts: {},
      secrets: {},
      network: "host" as const,
    };
    return {
      ...common,
      name,
      context: join(folder, name),
      tags: [`${name}:1`],
      rebuild: { count: 0, noCache: false },
      ...further,
    };
  }

  async function inputsOf(
    definitions: ImageDefinition[],
    stack = "dev",
    variant?: string,
    pins: Record<string, string> = {},
  ): Promise<Record<string, Inputs>> {
    const stateDir = join(test.folder, "state");
    const engine = { host: test.dockerHost, network: "host" as const };
    const plans = await planImages(definitions, {
      stack,
      ...(variant && { variant }),
      cacheAddresses: { "docker.io": registry.address },
      digests: { digestOf: async () => registry.digests["1"]! },
      stateDir,
      pinned: await pinnedVersions({ engine, stack, stateDir, pinnedVersions: pins }),
    });
    return Object.fromEntries(
      await Promise.all(plans.map(async (plan) => [plan.name, await checked(plan, stack)])),
    );
  }

  async function checked(
    { reference, tags, hash, parts, smokeTest, filesGive: _, ...build }: ImagePlan,
    stack: string,
  ): Promise<Inputs> {
    const stateDir = join(test.folder, "state");
    const news = {
      stack,
      dockerHost: test.dockerHost,
      stateDir,
      keep: 3,
      reference,
      tags,
      hash,
      parts,
      ...(smokeTest && { smokeTest }),
      build,
    };
    const { inputs, failures } = await image.check("urn", undefined, news);
    assert.deepEqual(failures, []);
    return inputs;
  }

  const said: string[] = [];
  function session(signal = new AbortController().signal): Session {
    said.length = 0;
    return { signal, log: async (message) => void said.push(message), run: new BuildRun() };
  }

  const smokeTest = () => ({
    command: ["sh", "/smoke-test/check.sh"],
    folder: join(folder, "smoke"),
    timeoutSeconds: 20,
  });
  const both = () => inputsOf([definition("app", { smokeTest: smokeTest() }), definition("base")]);
  async function createBoth(): Promise<{ base: ImageState; app: ImageState }> {
    const inputs = await both();
    const base = (await image.create("urn", inputs.base!, session())).outs;
    return { base, app: (await image.create("urn", inputs.app!, session())).outs };
  }
  const read = async (state: ImageState) => (await image.read("id", "urn", state))?.props;
  const changes = async (state: ImageState, inputs: Inputs) =>
    Object.keys((await image.diff("id", "urn", state, inputs)).detailedDiff ?? {});
  const idOf = async (name: string) => (await test.engine.image(name))?.id;
  const lastEvent = async () => (await readHistory(join(test.folder, "state"), "dev")).at(-1)!;

  return {
    get test() {
      return test;
    },
    get registry() {
      return registry;
    },
    /** Absolute path of the project. */
    get folder() {
      return folder;
    },
    write,
    definition,
    inputsOf,
    said,
    session,
    smokeTest,
    both,
    createBoth,
    read,
    changes,
    idOf,
    lastEvent,
  };
}
