import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { settingsWithChanges } from "../../lib/settings/load.ts";
import { readSetValue } from "../../lib/settings/set-values.ts";

const root = process.cwd();
const withSet = (...changes: string[]) => settingsWithChanges(root, "dev", changes, "unix:///nowhere");

describe("Settings with --set", () => {
  it("keeps a version text and makes a port a number", () => {
    const settings = withSet("cudaBase.cuda=13.0", "host.driver=580.65", "registryCache.port=5001");
    assert.deepEqual(
      [settings.cudaBase.cuda, settings.host.driver, settings.registryCache.port],
      ["13.0", "580.65", 5001],
    );
  });

  it("reads lists by commas, as JSON and as YAML", () => {
    const gpusOf = (value: string) => withSet(`host.gpus=${value}`).host.gpus;
    assert.deepEqual(gpusOf("RTX 4090,RTX 3090"), ["RTX 4090", "RTX 3090"]);
    assert.deepEqual(gpusOf('["8.9"]'), ["8.9"]);
    assert.deepEqual(gpusOf("8.9"), ["8.9"]);
    assert.deepEqual(gpusOf("[]"), []);
    assert.deepEqual(gpusOf('[{name: X, computeCapability: "8.9"}]'), [
      { name: "X", computeCapability: "8.9" },
    ]);
  });

  it("takes a setting out, and leaves the others as the file has them", () => {
    const settings = withSet("cudaBase.packageIndex=", "services.infinitetalk=");
    assert.equal(settings.cudaBase.packageIndex, undefined);
    assert.equal(settings.cudaBase.torch, "2.7.1");
    assert.deepEqual(Object.keys(settings.services), ["whisperx"]);
  });

  const bad: [change: string, line: RegExp][] = [
    ["cudaBase.cudaa=13.0", /cudaBase\.cudaa is not a setting; did you mean "cuda"\?/],
    ["cudaBase.cuda=13", /cudaBase\.cuda must be major\.minor such as "12\.8", got "13"/],
    ["host.driver=newest", /host\.driver must be a driver version such as "570\.86\.15".*got "newest"/],
    ["host.driver=570.86.15; rm -rf /", /host\.driver must be a driver version/],
    ["host.gpus=", /^$/],
    ["allowIncompatible=Not A Rule", /allowIncompatible must be a list of rules/],
    ["registryCache.port=many", /registryCache\.port must be a whole number, got "many"/],
    ["__proto__.x=1", /__proto__: this name is not allowed/],
    ["cudaBase", /--set "cudaBase" must be key=value/],
    ["=1", /must be key=value/],
    ["a..b=1", /must be key=value/],
  ];
  for (const [change, line] of bad)
    it(`answers "${change}" with a line`, () => {
      if (line.source === "^$") return assert.equal(withSet(change).host.gpus, undefined);
      assert.throws(
        () => withSet(change),
        (error: Error) => {
          assert.ok(error instanceof UserError);
          assert.match(error.message, line);
          return true;
        },
      );
    });

  it("takes names with dots in quotes, and the full key", () => {
    assert.deepEqual(readSetValue('gpu-build-host:services["my.app"].context=x=y'), {
      path: ["services", "my.app", "context"],
      text: "x=y",
    });
  });
});
