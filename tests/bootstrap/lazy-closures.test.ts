import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { execa } from "execa";

const root = join(import.meta.dirname, "..", "..");
const folder = "@pulumi/pulumi/runtime/closure";

/** What a program prints that loads @pulumi/pulumi as bootstrap/program.mjs does. */
async function printed(code: string): Promise<unknown> {
  const program = `
    import { createRequire } from "node:module";
    import { loadClosuresLazily } from "./bootstrap/lazy-closures.mjs";
    loadClosuresLazily();
    const pulumi = await import("@pulumi/pulumi");
    const loaded = (name) => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes(name));
    console.log(JSON.stringify(${code}));`;
  const { stdout } = await execa("node", ["--input-type=module", "--eval", program], { cwd: root });
  return JSON.parse(stdout);
}

describe("the start of the program", () => {
  it("loads Pulumi without compiler and package resolver", async () => {
    const names = ["@pulumi/pulumi/output.js", "@npmcli/arborist", "/typescript"];
    assert.deepEqual(await printed(`${JSON.stringify(names)}.map(loaded)`), [true, false, false]);
  });

  it("gives the real functions to whoever calls them", async () => {
    const text = await printed("(await pulumi.runtime.serializeFunction(() => 4711)).text");
    assert.match(text as string, /return 4711|=> 4711/);
  });

  it("stands for every function of these modules", () => {
    const require = createRequire(import.meta.url);
    const names = (file: string) => Object.keys(require(`${folder}/${file}`) as object).sort();
    assert.deepEqual(names("serializeClosure.js"), ["serializeFunction", "serializeFunctionAsync"]);
    assert.deepEqual(names("codePaths.js"), ["computeCodePaths", "findWorkspaceRoot"]);
  });
});
