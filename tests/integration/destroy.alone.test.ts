import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { tracesOf } from "../sandbox/traces.ts";
import {
  engineContent,
  machineState,
  markedProcesses,
  markName,
  whatStays,
  type MachineState,
} from "./machine.ts";
import { Project } from "./project.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";

describe("destroy", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  let machineBefore: MachineState;
  let engineBefore: string[];
  let daemonJsonBefore: string;
  const daemonJson = () => readFileSync(join(project.root, ".sandbox", "daemon.json"), "utf8");
  const settings = { services: { app: { context: "services/app" } } };

  before(async () => {
    machineBefore = await machineState();
    project = new Project(settings);
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo app > /app\n");
    // A temporary folder of its own: what lies there in the end was left by our commands.
    project.env["TMPDIR"] = join(project.root, "tmp");
    mkdirSync(project.env["TMPDIR"]);
    project.env[markName] = project.root;
    await project.variables(); // starts the engine, and nothing else
    engineBefore = await engineContent(project);
    daemonJsonBefore = daemonJson();
    await project.start();
  });
  after(() => project.remove());

  it("gives the engine back as it was, by plain pulumi destroy too", async () => {
    assert.notEqual(daemonJson(), daemonJsonBefore);
    const result = await project.pulumi(["destroy", "--stack", "sandbox", "--yes"], { TMPDIR: project.root });
    assert.equal(result.exitCode, 0, result.output);
    assert.deepEqual(await engineContent(project), engineBefore);
    assert.equal(daemonJson(), daemonJsonBefore, "daemon.json has its old bytes");
    assert.doesNotMatch(await project.docker("info", "--format={{json .RegistryConfig.Mirrors}}"), /,/);
  });

  it("keeps the cache's volume where the settings say so", async () => {
    project.configure("sandbox", {
      sandbox: true,
      cudaBase: { cuda: "12.6", image: "registry:3.1.1" },
      registryCache: { keepVolume: true },
      ...settings,
    });
    await project.start();
    const result = await project.pulumi(["destroy", "--stack", "sandbox", "--yes"], { TMPDIR: project.root });
    assert.equal(result.exitCode, 0, result.output);
    assert.deepEqual(await engineContent(project), [...engineBefore, `volume ${cacheName}`].sort(byKind));
    const again = await project.start();
    assert.ok(again.images.length > 0, "the kept volume is taken again");
  });

  it("leaves nothing on the machine when the sandbox is purged", async () => {
    const layout = sandboxLayout(join(project.root, ".sandbox"));
    const { ports } = JSON.parse(project.read(".sandbox/facts.json")) as { ports: Record<string, number> };
    const result = await project.run("destroy", "--purge");
    assert.equal(result.exitCode, 0, result.output);
    assert.match(result.stdout, /resources of the stack sandbox are gone/);
    // A socket listens as long as its process lives: the engine's are known by their folder, all others by the mark.
    assert.deepEqual(tracesOf(layout, Object.values(ports)), []);
    assert.deepEqual(markedProcesses(project.root), []);
    assert.ok(!existsSync(layout.root));
    assert.deepEqual(readdirSync(project.env["TMPDIR"]!), []);
    assert.deepEqual(await whatStays(machineBefore), []);
  });

  it("says that there is nothing to destroy the second time", async () => {
    const result = await project.run("destroy");
    assert.equal(result.exitCode, 0, result.output);
    assert.match(result.stdout, /nothing to destroy/);
  });
});

const kinds = ["container", "image", "volume", "network"];

function byKind(a: string, b: string): number {
  return kinds.indexOf(a.split(" ")[0]!) - kinds.indexOf(b.split(" ")[0]!);
}
