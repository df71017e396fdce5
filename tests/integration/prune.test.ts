import assert from "node:assert/strict";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { engineContent } from "./machine.ts";
import { Project } from "./project.ts";

interface Pruned {
  items: { kind: string; name: string; bytes: number; why: string }[];
  bytes: number;
  atMostBytes: number;
  exact: boolean;
  notes: string[];
  freed?: number;
}

describe("npm run prune", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  const references: string[] = [];

  before(async () => {
    project = new Project({ services: { app: { context: "services/app" } } });
    for (const bytes of [10_001, 20_002, 30_003]) {
      project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nCOPY data /data\n");
      project.write("services/app/data", "x".repeat(bytes));
      const { images } = await project.start();
      references.push(images.find(({ name }) => name === "app")!.reference);
    }
  });
  after(() => project.remove());

  const patient = ["--build-cache-older-than", "1000d"];
  async function prune(...args: string[]): Promise<Pruned> {
    const { exitCode, stdout, output } = await project.run("prune", "--json", ...patient, ...args);
    assert.equal(exitCode, 0, output);
    return JSON.parse(stdout) as Pruned;
  }
  function set(settings: Record<string, unknown>): void {
    const file = parse(project.read("Pulumi.sandbox.yaml")) as { config: Record<string, unknown> };
    for (const [key, value] of Object.entries(settings)) file.config[`gpu-build-host:${key}`] = value;
    project.write("Pulumi.sandbox.yaml", stringify(file));
  }

  it("finds nothing to do after npm start: that keeps the last three versions", async () => {
    const { items, bytes, freed } = await prune();
    assert.deepEqual([items, bytes, freed], [[], 0, 0]);
    const { stdout } = await project.run("prune", ...patient, "--dry-run");
    assert.match(stdout, /Nothing to remove\./);
  });

  it("says in a dry run what would go, and changes nothing", async () => {
    set({ keepVersions: 2 });
    const before = await engineContent(project);
    const planned = await prune("--dry-run");
    assert.deepEqual(planned.items, [
      { kind: "image", name: references[0], bytes: 10_001, why: "beyond the last 2 (keepVersions)" },
    ]);
    assert.deepEqual([planned.bytes, planned.exact, planned.freed], [10_001, true, undefined]);
    const { stdout } = await project.run("prune", ...patient, "--dry-run");
    assert.match(stdout, /^image +10 kB {2}localhost:1\/sandbox\/app:.*keepVersions/m);
    assert.match(stdout, /Would free 10 kB \(10001 bytes\)\. Nothing was removed/);
    assert.deepEqual(await engineContent(project), before);
  });

  it("frees exactly that, by versions and by the ceiling, and Pulumi finds nothing to mend", async () => {
    const pruned = await prune();
    assert.deepEqual([pruned.bytes, pruned.freed], [10_001, 10_001]);
    set({ keepStorage: "0.02MB" });
    const beyond = await prune();
    assert.deepEqual([beyond.bytes, beyond.freed], [20_002, 20_002]);
    assert.match(beyond.items[0]!.why, /keepStorage/);
    set({ keepVersions: 3, keepStorage: "100GB" });
    assert.deepEqual(await project.preview(), []);
    assert.ok((await engineContent(project)).some((item) => item.includes(references[2]!)));
  });

  it("removes build cache on demand, and images stay as they are", async () => {
    const before = await engineContent(project);
    const { stdout, exitCode, output } = await project.run(
      ...["prune", "--build-cache-older-than", "0s", "--build-cache-keep", "0"],
    );
    assert.equal(exitCode, 0, output);
    assert.match(stdout, /^build cache .*build contexts: \d+: not in use$/m);
    assert.match(stdout, /^Freed .*bytes\)?\.$/m);
    assert.deepEqual(await engineContent(project), before);
    assert.deepEqual(await project.preview(), []);
  });

  it("removes the volume of a stack that is gone only when told to", async () => {
    await project.docker("volume", "create", "--label", "gpu-build-host.stack=gone", "gone-layers");
    const { notes } = await prune();
    assert.ok(
      notes.some((note) => /^volume gone-layers .*--volumes removes it$/.test(note)),
      notes.join("\n"),
    );
    const { items } = await prune("--volumes");
    assert.deepEqual(
      items.map(({ kind, name }) => [kind, name]),
      [["volume", "gone-layers"]],
    );
    const volumes = (await engineContent(project)).filter((item) => item.startsWith("volume "));
    assert.deepEqual(volumes, ["volume gpu-build-host-sandbox-registry-cache"]);
  });

  it("goes below the ceiling at npm start, and the current image stays", async () => {
    set({ keepStorage: "0" });
    project.write("services/app/data", "x".repeat(40_004));
    await project.start();
    const versions = (await engineContent(project)).filter((item) =>
      item.includes("localhost:1/sandbox/app:"),
    );
    assert.equal(versions.length, 1);
    assert.ok(!versions[0]!.includes(references[2]!));
  });

  it("refuses what is no size or time, and says so where the sandbox does not run", async () => {
    const wrong = await project.run("prune", "--build-cache-keep", "much");
    assert.equal(wrong.exitCode, 1);
    assert.match(wrong.output, /It must be a size such as 50GB/);
    const { exitCode, output } = await project.run("destroy");
    assert.equal(exitCode, 0, output);
    const stopped = await project.run("prune");
    assert.equal(stopped.exitCode, 1);
    assert.match(stopped.output, /The sandbox does not run, so it cannot be pruned\. Start it with/);
    assert.ok(project.read(join(".sandbox", "facts.json")));
  });
});
