import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { engineContent } from "./machine.ts";
import { Project, type ProjectEngine } from "./project.ts";

/** The whole stack on another engine: up, a second time, destroy. */
export function describeWholeStack(engine: Required<ProjectEngine>): void {
  describe(`the engine "${engine.release}" with the ${engine.imageStore} store`, function () {
    this.timeout(10 * 60_000);
    let project: Project;
    let content: string[];
    let daemonJson: string;
    const readDaemonJson = () => readFileSync(join(project.root, ".sandbox", "daemon.json"), "utf8");

    before(async () => {
      project = new Project({ services: { app: { context: "services/app" } } }, engine);
      project.write("services/app/Dockerfile", "FROM cuda-base:devel-12.6\nRUN echo app > /app\n");
      content = await engineContent(project);
      daemonJson = readDaemonJson();
    });
    after(() => project.remove());

    it("is the engine that runs", async () => {
      const info = await project.docker("info", "--format={{.ServerVersion}} {{.Driver}} {{.DriverStatus}}");
      console.log(`        ${info}`);
      assert.ok(Number.parseInt(info, 10) >= 28, info);
      assert.equal(/io\.containerd\.snapshotter/.test(info), engine.imageStore === "containerd", info);
    });

    it("gets the whole stack", async () => {
      const { images } = await project.start();
      assert.deepEqual(images.map(({ name, result }) => `${name} ${result}`).sort(), [
        "app built",
        "cuda-base-devel built",
        "cuda-base-runtime built",
      ]);
    });

    it("changes nothing the second time", async () => {
      assert.deepEqual((await project.start()).changed, []);
    });

    it("is given back as it was", async () => {
      const result = await project.pulumi(["destroy", "--stack", "sandbox", "--yes"], {
        TMPDIR: project.root,
      });
      assert.equal(result.exitCode, 0, result.output);
      assert.deepEqual(await engineContent(project), content);
      assert.equal(readDaemonJson(), daemonJson);
    });
  });
}
