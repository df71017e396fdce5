import assert from "node:assert/strict";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { latestByImage } from "../../lib/images/history.ts";
import { freePort } from "../integration/free-ports.ts";
import { Project } from "../integration/project.ts";

describe("a build cache in a registry of the stack's own", function () {
  this.timeout(5 * 60_000);
  let project: Project;
  let port: number;

  before(async () => {
    port = await freePort();
    project = new Project({
      buildCache: { type: "registry", port },
      cudaBase: { cuda: "12.6", image: "nvidia/cuda:12.6.3-base-ubuntu22.04" }, // nginx and Squid need a distribution
      services: { app: { context: "services/app" } },
    });
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN date +%N > /app\n");
  });
  after(() => project.remove());

  function inline(): void {
    const file = parse(project.read("Pulumi.sandbox.yaml")) as { config: Record<string, unknown> };
    file.config["gpu-build-host:buildCache"] = { type: "inline", port };
    project.write("Pulumi.sandbox.yaml", stringify(file));
  }

  const uncached = async (): Promise<string[]> => {
    const events = await latestByImage(join(project.root, ".sandbox", "state"), "sandbox");
    return [...events.values()].flatMap(({ image, steps }) =>
      steps.filter(({ cached }) => !cached).map(({ name }) => `${image}: ${name}`),
    );
  };

  it("is refused in the preview where the engine's store cannot write it, with the ways on", async () => {
    const { exitCode, output } = await project.run("start", "--json");
    assert.notEqual(exitCode, 0);
    assert.match(output, /docker\.build-cache: buildCache\.type registry cannot be written by this engine/);
    assert.match(output, /buildCache\.type inline; or only read it/);
    assert.equal(await project.docker("ps", "--all", "--quiet"), "");
  });

  it("is refused where a volume of its name is somebody else's", async () => {
    await project.docker("volume", "create", "gpu-build-host-sandbox-build-cache");
    inline();
    const { exitCode, output } = await project.run("start", "--json");
    assert.notEqual(exitCode, 0);
    assert.match(
      output,
      /docker\.build-cache: a volume gpu-build-host-sandbox-build-cache exists and is not of/,
    );
    await project.docker("volume", "rm", "gpu-build-host-sandbox-build-cache");
  });

  it("gives every step back after images and build cache were removed", async () => {
    const first = await project.start();
    assert.notDeepEqual(await uncached(), []);

    // As people make room: images that no container uses, and all of the build cache.
    await project.docker("image", "prune", "--all", "--force");
    await project.docker("builder", "prune", "--all", "--force");
    assert.doesNotMatch(await project.docker("images", "--format", "{{.Repository}}"), /app|cuda-base/);
    const second = await project.start();
    assert.deepEqual(
      second.images.map(({ result, reference }) => ({ result, reference })),
      first.images.map(({ reference }) => ({ result: "built", reference })),
    );
    assert.deepEqual(await uncached(), []);
    assert.deepEqual(await project.preview(), []);
  });

  it("gives the package cache's own programs back where nothing but the volumes is left", async () => {
    const file = parse(project.read("Pulumi.sandbox.yaml")) as { config: Record<string, unknown> };
    file.config["gpu-build-host:packageCache"] = { mode: "own" };
    project.write("Pulumi.sandbox.yaml", stringify(file));
    await project.start();
    assert.match((await uncached()).join("\n"), /^package-cache: .*RUN/m);

    const containers = (await project.docker("ps", "--all", "--quiet")).split(/\s+/).filter(Boolean);
    await project.docker("rm", "--force", ...containers);
    await project.docker("image", "prune", "--all", "--force");
    await project.docker("builder", "prune", "--all", "--force");
    assert.equal(await project.docker("images", "--quiet"), "");
    const { images } = await project.start();
    assert.ok(
      images.every(({ result }) => result === "built"),
      JSON.stringify(images),
    );
    assert.deepEqual(await uncached(), []);
  });

  it("goes with the stack", async () => {
    const { exitCode, output } = await project.run("destroy");
    assert.equal(exitCode, 0, output);
  });
});
