import assert from "node:assert/strict";
import { Project } from "./project.ts";

describe("the first commands in a fresh clone", function () {
  this.timeout(3 * 60_000);
  const project = new Project();
  after(() => project.remove());

  it("may be several at once: each finds the stack that one of them makes", async () => {
    const results = await Promise.all([1, 2, 3].map(() => project.run("env", "--json")));
    for (const { exitCode, output } of results) assert.equal(exitCode, 0, output);
  });
});
