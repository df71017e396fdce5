import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lockProblems, type PackageLock } from "./lock-problems.ts";

const file = join(import.meta.dirname, "..", "..", "package-lock.json");
const committed = () => JSON.parse(readFileSync(file, "utf8")) as PackageLock;

describe("package-lock.json", () => {
  it("brings only what was locked and agreed to", () => {
    assert.deepEqual(lockProblems(committed()), []);
  });

  const changes: [string, object, RegExp][] = [
    ["without a hash", { integrity: undefined }, /^zod \S+ has no sha512 \(integrity: none\)$/],
    ["with a weak hash", { integrity: "sha1-x" }, /^zod \S+ has no sha512 \(integrity: sha1-x\)$/],
    [
      "from an address of its own",
      { resolved: "git+ssh://git@example.com/zod.git" },
      /^zod \S+ comes from an address of its own: git\+ssh:/,
    ],
    ["from a folder", { link: true }, /^zod \S+ is a link to a folder$/],
    ["with another licence", { license: "AGPL-3.0" }, /^zod \S+ has the licence AGPL-3.0/],
    ["without a licence", { license: undefined }, /^zod \S+ has the licence none/],
    ["with an install script", { hasInstallScript: true }, /^zod \S+ runs a script when it is installed/],
  ];
  for (const [what, change, problem] of changes) {
    it(`would not go through with a package ${what}`, () => {
      const lock = committed();
      Object.assign(lock.packages["node_modules/zod"]!, change);
      const problems = lockProblems(lock);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0]!, problem);
    });
  }
});
