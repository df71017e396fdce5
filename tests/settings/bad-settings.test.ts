import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { UserError } from "../../lib/errors.ts";
import { planStack } from "../../lib/images/plan-stack.ts";
import { checkStackFile, settingsOfStackFile } from "../../lib/settings/load.ts";
import { schema } from "../../lib/settings/schema.ts";
import { badSettings } from "./bad-settings.ts";
import { settingProblems } from "./dev-settings.ts";

const root = join(import.meta.dirname, "../..");

describe("bad settings", () => {
  for (const bad of badSettings) {
    if (!("values" in bad)) continue;
    it(`${bad.id}: ${bad.what}`, () => assert.deepEqual(settingProblems(bad.values), bad.lines));
  }

  it("of the design's list are all here: with their message, with the test that has them, or with the reason why not", () => {
    const ids = new Set(badSettings.map(({ id }) => id));
    const missing = Array.from({ length: 65 }, (_, index) => `B${index + 1}`).filter((id) => !ids.has(id));
    assert.deepEqual(missing, []);
    const tests = testTexts();
    for (const bad of badSettings)
      if ("testedBy" in bad) assert.ok(tests.includes(`it("${bad.testedBy}"`), `${bad.id}: ${bad.testedBy}`);
  });

  it("leave the prototype of objects alone", () => {
    settingProblems(
      JSON.parse('{"__proto__": {"polluted": 1}, "services": {"__proto__": {"polluted": 1}}}') as never,
    );
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });

  it("are told in fifty lines at most", () => {
    const values = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`wrong${index}`, 1]));
    const lines = settingProblems(values);
    assert.equal(lines.length, 51);
    assert.equal(lines.at(-1), "… and 4950 more");
  });

  it("names the locks that there are where none fits", async () => {
    const settings = settingsOfStackFile(root, "dev");
    const stateDir = mkdtempSync(join(tmpdir(), "gbh-bad-settings-"));
    try {
      const cudaBase = { ...settings.cudaBase, cuda: "13.9" };
      await assert.rejects(planStack({ ...settings, cudaBase, stateDir }, { isPreview: true }), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /"locks\/torch2\.7\.1-cu139-py310\/\S+" is not in the context/);
        assert.match(
          error.message,
          /No lock in cuda-base\/locks is for PyTorch 2\.7\.1, CUDA 13\.9 and Python 3\.10; there are .*torch2\.7\.1-cu128-py310.*\. Make it: npm run lock -- base --stack dev/,
        );
        for (const name of ["whisperx", "infinitetalk"])
          assert.match(
            error.message,
            new RegExp(
              `No lock of ${name} is for .*; there are .*torch2\\.7\\.1-cu128-py310.*\\. Make it: npm run lock -- service ${name} --stack dev`,
            ),
          );
        return true;
      });
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  });

  it("names file and line of a stack file that is no YAML", () => {
    const folder = mkdtempSync(join(tmpdir(), "gbh-bad-settings-"));
    try {
      writeFileSync(join(folder, "Pulumi.dev.yaml"), "config:\n\tgpu-build-host:cudaBase: {}\n");
      assert.throws(
        () => checkStackFile(folder, "dev"),
        /^UserError: Pulumi\.dev\.yaml is not valid YAML: .* line 2, column 1/,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("the schema", function () {
  this.timeout(120_000);

  const json = fc.jsonValue({ maxDepth: 4 });
  const odd = fc.constantFrom<unknown>(
    Number.NaN,
    Infinity,
    1e308,
    -0,
    null,
    "\u0000",
    "x".repeat(70_000),
    [],
    {},
    [[]],
    true,
  );
  const value = fc.oneof(json, odd);

  it("answers to any JSON with no error of its own, and with lines that begin with a key", () => {
    let slowest = 0;
    const check = (values: Record<string, unknown>) => {
      const started = performance.now();
      const lines = settingProblems(values);
      slowest = Math.max(slowest, performance.now() - started);
      for (const line of lines) assert.match(line, /^(gpu-build-host:|… and \d+ more$)/);
    };
    fc.assert(fc.property(fc.dictionary(fc.string(), value), check), { numRuns: 3000 });
    const keys = Object.keys(schema.shape);
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...keys), value), check), { numRuns: 3000 });
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...paths(schema)), { maxLength: 6 }),
        fc.array(value, { minLength: 6 }),
        (at, what) => check(placed(at, what)),
      ),
      { numRuns: 6000 },
    );
    console.log(`        slowest answer: ${slowest.toFixed(1)} ms`);
  });
});

/** Values at the given paths, in one object. */
function placed(paths: string[][], values: unknown[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [index, path] of paths.entries()) {
    let group = result;
    for (const step of path.slice(0, -1)) {
      const inner = group[step];
      group = (
        inner !== null && typeof inner === "object" && !Array.isArray(inner) ? inner : (group[step] = {})
      ) as typeof group;
    }
    group[path.at(-1)!] = values[index];
  }
  return result;
}

/** The path of every setting; a free name is `x`. */
function paths(type: unknown, path: string[] = []): string[][] {
  let inner = type as {
    unwrap?: () => unknown;
    shape?: Record<string, unknown>;
    valueType?: unknown;
    element?: unknown;
  };
  while (typeof inner.unwrap === "function" && !inner.shape && !inner.element)
    inner = inner.unwrap() as typeof inner;
  const own = path.length > 0 ? [path] : [];
  if (inner.shape)
    return [...own, ...Object.entries(inner.shape).flatMap(([key, each]) => paths(each, [...path, key]))];
  if (inner.valueType) return [...own, ...paths(inner.valueType, [...path, "x"])];
  return own;
}

/** The text of every test file. */
function testTexts(): string {
  return readdirSync(join(root, "tests"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(root, "tests", name), "utf8"))
    .join("\n");
}
