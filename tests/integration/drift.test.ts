import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stopEngine } from "../../sandbox/engine.ts";
import { stopSandbox } from "../../sandbox/sandbox.ts";
import { Project, type Summary } from "./project.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";
const images = ["app", "cuda-base-devel", "cuda-base-runtime"];
/** What comes with a new container of the cache. */
const newCache = ["registry-cache-server", "registry-cache-limit", "docker-daemon-probe"];

// Each preview is exact, so whatever an earlier repair had left would show in the next one.
describe("drift", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  const daemonJson = () => join(project.root, ".sandbox", "daemon.json");
  const settings = () => JSON.parse(readFileSync(daemonJson(), "utf8")) as { "registry-mirrors": string[] };
  const reference = (image: string) => first.images.find(({ name }) => name === image)?.reference ?? image;
  let first: Summary;

  before(async () => {
    project = new Project({ services: { app: { context: "services/app" } } });
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo app > /app\n");
    first = await project.start();
  });
  after(() => project.remove());

  /** The preview names exactly these resources, and `npm start` repairs them. */
  async function repairs(...names: string[]): Promise<Summary> {
    assert.deepEqual(await drifted(), names.sort());
    const summary = await project.start();
    assert.deepEqual(unique(summary.changed), names.sort());
    return summary;
  }
  const drifted = async () => unique(await project.preview());
  const writeMirrors = (mirrors: string[]) =>
    writeFileSync(daemonJson(), JSON.stringify({ "registry-mirrors": mirrors }));

  // Several drifts at a time: what is repaired is named exactly, so none hides behind another.
  it("starts a stopped cache, brings a hash reference back and puts its mirror first again", async () => {
    const wanted = settings();
    await project.docker("stop", cacheName);
    await project.docker("image", "rm", reference("app"));
    writeMirrors(wanted["registry-mirrors"].toReversed());
    await repairs("registry-cache-server", "app", "docker-daemon-config");
    assert.equal(await project.docker("inspect", "--format={{.State.Running}}", cacheName), "true");
    await project.docker("image", "inspect", reference("app"));
    assert.deepEqual(settings(), wanted);
  });

  it("creates a removed cache again and probes it, moves a friendly tag back and brings its mirror back", async () => {
    const [own, ...others] = settings()["registry-mirrors"];
    await project.docker("rm", "--force", cacheName);
    await project.docker("tag", reference("cuda-base-devel"), "app:cu126");
    writeMirrors(others);
    const { images } = await repairs(...newCache, "app", "docker-daemon-config");
    assert.equal(images.find(({ name }) => name === "app")?.result, "tagged");
    const ids = await project.docker("image", "inspect", "--format={{.Id}}", "app:cu126", reference("app"));
    assert.equal(new Set(ids.split("\n")).size, 1);
    assert.deepEqual(settings()["registry-mirrors"], [own, ...others]);
  });

  it("creates a removed cache with its volume again, a removed friendly tag and a lost daemon.json", async () => {
    const [own, upstream] = settings()["registry-mirrors"];
    await project.docker("rm", "--force", cacheName);
    await project.docker("volume", "rm", cacheName);
    await project.docker("image", "rm", "app:cu126");
    rmSync(daemonJson());
    const { images } = await repairs("registry-cache-layers", ...newCache, "app", "docker-daemon-config");
    assert.equal(images.find(({ name }) => name === "app")?.result, "tagged");
    assert.deepEqual(
      settings()["registry-mirrors"],
      [own],
      "whoever removed the file removed the other entry",
    );
    writeMirrors([own!, upstream!]); // the sandbox needs it
    assert.deepEqual(await drifted(), [], "an entry behind ours is not our business");
  });

  it("shows a broken daemon.json as drift, and says where it is broken", async () => {
    const good = readFileSync(daemonJson(), "utf8");
    const broken = '{\n  "registry-mirrors": [,]\n}\n';
    writeFileSync(daemonJson(), broken);
    assert.deepEqual(await drifted(), ["docker-daemon-config"]);
    const result = await project.run("start");
    assert.notEqual(result.exitCode, 0);
    assert.match(result.output, /daemon\.json:2:24: /);
    assert.doesNotMatch(result.output, /\n\s+at /);
    assert.equal(readFileSync(daemonJson(), "utf8"), broken, "it is left to the user");
    writeFileSync(daemonJson(), good);
    await project.start();
  });

  it("goes on after the engine was restarted", async () => {
    await stopEngine(join(project.root, ".sandbox"));
    await startEngineAgain();
    await project.start();
    assert.deepEqual(await drifted(), []);
  });

  it("starts the cache again after the engine was killed", async () => {
    const pid = (await project.exec("sh", ["-c", `cat ${await runFolder()}/docker.pid`])).stdout;
    process.kill(Number(pid), "SIGKILL");
    await startEngineAgain();
    await project.start();
    assert.deepEqual(await drifted(), []);
  });

  it("brings the cache's image back, and lets the children of a base follow that was rebuilt with other layers", async () => {
    const image = await project.docker("inspect", "--format={{.Config.Image}}", cacheName);
    await project.docker("image", "rm", "--force", image);
    await project.docker("image", "rm", "cuda-base:runtime-12.6", reference("cuda-base-runtime"));
    await project.docker("builder", "prune", "--all", "--force");
    const { images: rows } = await repairs(...images, "registry-cache-image");
    const result = rows.map(({ name, result, reasons }) => `${name}: ${result}, ${reasons.join()}`).sort();
    assert.deepEqual(result, [
      "app: built, its base is built again",
      "cuda-base-devel: built, its base is built again",
      "cuda-base-runtime: built, gone from the engine",
    ]);
  });

  it("brings everything back when the engine's data is wiped", async () => {
    await stopSandbox(join(project.root, ".sandbox"));
    rmSync(join(project.root, ".sandbox", "docker"), { recursive: true });
    await startEngineAgain();
    await repairs(...images, "registry-cache-image", "registry-cache-layers", ...newCache);
  });

  it("ends where nothing is left to change", async () => {
    assert.deepEqual((await project.start()).changed, []);
  });

  async function startEngineAgain(): Promise<void> {
    const result = await project.run("env");
    assert.equal(result.exitCode, 0, result.output);
  }

  async function runFolder(): Promise<string> {
    return (await project.variables())["DOCKER_HOST"]!.replace(/^unix:\/\/(.*)\/docker\.sock$/, "$1");
  }
});

function unique(changes: { name: string }[]): string[] {
  return [...new Set(changes.map(({ name }) => name))].sort();
}
