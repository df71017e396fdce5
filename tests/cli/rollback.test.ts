import assert from "node:assert/strict";
import { join } from "node:path";
import { stringify } from "yaml";
import { planStack } from "../../lib/images/plan-stack.ts";
import { settingsOfStackFile } from "../../lib/settings/load.ts";
import { image, type ImageState } from "../../provider/image.ts";
import { Project } from "../integration/project.ts";
import { serveBusybox, type BusyboxRegistry } from "../images/busybox-registry.ts";
import { startTestEngine, type TestEngine } from "../images/test-engine.ts";

/** The commands as a person runs them; what Pulumi would do is done by calling the provider. */
describe("npm run rollback and npm run use, without Pulumi", function () {
  this.timeout(10 * 60_000);
  let test: TestEngine;
  let registry: BusyboxRegistry;
  let project: Project;
  let states: Record<string, ImageState> = {};

  before(async () => {
    test = await startTestEngine("rollback");
    registry = await serveBusybox(["1"]);
    project = new Project();
    project.write(
      "images.lock.yaml",
      stringify({ images: { "busybox:1": registry.digests["1"], "registry:3.1.1": registry.digests["1"] } }),
    );
    project.write("services/app/Dockerfile", "ARG CUDA\nFROM cuda-base:runtime-${CUDA}\nCOPY data /data\n");
    for (const stack of ["dev", "b"])
      project.configure(stack, {
        engine: { host: test.dockerHost, network: "host" },
        registryCache: { port: Number(registry.address.split(":")[1]) },
        cudaBase: { cuda: "12.8", image: "busybox:1" },
        services: { app: { context: "services/app", smokeTest: { command: ["test", "-f", "/data"] } } },
        stateDir: join(project.root, "state"),
        ...(stack === "b" && { variant: "b" }),
      });
  });
  after(async () => {
    await project?.remove();
    await registry?.stop();
    await test?.stop();
  });

  /** What `pulumi up` does to the images. */
  async function up(stack: string, data: string): Promise<void> {
    project.write("services/app/data", data);
    const settings = settingsOfStackFile(project.root, stack);
    const { plan } = await planStack(settings);
    for (const { reference, tags, hash, parts, smokeTest, filesGive: _, ...build } of plan.all) {
      const inputs = {
        stack,
        dockerHost: test.dockerHost,
        stateDir: settings.stateDir,
        keep: 3,
        reference,
        tags,
        hash,
        parts,
        build,
        ...(smokeTest && { smokeTest }),
      };
      const session = {
        signal: new AbortController().signal,
        log: async () => undefined,
        built: new Set<string>(),
      };
      const key = `${stack}/${build.name}`;
      const old = states[key];
      states = {
        ...states,
        [key]: old
          ? (await image.update("id", "urn", old, inputs, session)).outs
          : (await image.create("urn", inputs, session)).outs,
      };
    }
  }
  async function run(...args: string[]): Promise<string> {
    const begin = performance.now();
    const { exitCode, output } = await project.run(...args);
    console.log(
      `      $ npm run ${args[0]} -- ${args.slice(1).join(" ")}   (${((performance.now() - begin) / 1000).toFixed(1)} s, exit code ${exitCode})\n${output.replace(/^/gm, "      ")}`,
    );
    return output;
  }

  it("go back, release, and give plain names", async () => {
    await up("dev", "first");
    await up("dev", "second");
    await up("b", "second");
    await (
      await test.engine.client()
    )
      .createContainer({
        Image: "app:cu128",
        name: "mine",
        Cmd: ["sleep", "1000"],
        NetworkDisabled: true,
        HostConfig: { NetworkMode: "none" },
      })
      .then((container) => container.start());
    assert.match(
      await run("rollback", "app", "--stack", "dev"),
      /^app: app:cu128 is cu128-\S+, was cu128-\S+$/m,
    );
    await run("rollback", "app", "--stack", "dev", "--list");
    await run("rollback", "app", "--stack", "dev");
    await run("rollback", "app", "--stack", "dev", "--clear");
    await run("use");
    await run("use", "dev");
    await run("use", "b");
    await run("use");
    await run("use", "b", "--clear");
    console.log(project.read("Pulumi.dev.yaml"));
  });
});
