import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Project } from "../integration/project.ts";
import { lookAt, notGood, one } from "./doctor-run.ts";

describe("npm run doctor before the first npm start", function () {
  this.timeout(120_000);
  let project: Project;
  before(() => (project = new Project()));
  after(() => project.remove());

  it("works, and makes no sandbox", async () => {
    const found = await lookAt(project);
    assert.equal(found.exitCode, 1);
    assert.deepEqual(notGood(found), ["FAIL docker.present"]);
    assert.equal(one(found, "docker.present").fix, "npm start");
    assert.ok(!existsSync(join(project.root, ".sandbox")));
  });

  it("ends with 2 where it cannot run: unknown stack, wrong settings, unknown checks", async () => {
    project.configure("wrong", { registryCache: { port: 0 } });
    for (const [args, words] of [
      [["--stack", "none"], /Pulumi\.none\.yaml is not there/],
      [["--stack", "wrong"], /registryCache\.port must be 1–65535, got 0/],
      [["--only", "dockerfile.zz"], /begins with "dockerfile\.zz"; groups: docker, .*, dockerfile\.$/m],
    ] as const) {
      const result = await project.run("doctor", ...args);
      assert.equal(result.exitCode, 2, result.output);
      assert.match(result.output, words);
    }
  });
});
