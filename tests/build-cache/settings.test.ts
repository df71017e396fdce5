import assert from "node:assert/strict";
import { buildCacheOf, cacheOptions, cacheReference } from "../../lib/images/build-cache.ts";
import { BuildProgress } from "../../lib/images/build-progress.ts";
import { engineOf, factsOf, settingsOf } from "../doctor/fed-facts.ts";
import { buildCacheChecks } from "../../lib/doctor/checks/build-cache.ts";
import { devSettings, settingProblems } from "../settings/dev-settings.ts";

const key = "gpu-build-host:buildCache";
const ref = "registry.example:5001/team/build-cache";

describe("settings buildCache", () => {
  it("are off unless asked for", () => {
    assert.equal(buildCacheOf(devSettings({})), undefined);
    assert.equal(buildCacheOf(devSettings({ buildCache: { ref } })), undefined);
  });

  it("are a repository of the user's, or one in a registry that the stack runs", () => {
    const of = (buildCache: unknown) => buildCacheOf(devSettings({ buildCache }));
    assert.deepEqual(of({ type: "registry", ref }), { type: "registry", ref, mode: "max", export: true });
    assert.equal(of({ type: "inline", port: 5005 })?.ref, "127.0.0.1:5005/build-cache");
  });

  const wrong: [string, object, RegExp][] = [
    ["no registry", { type: "registry" }, /^\S+type registry needs a registry: set buildCache\.ref/],
    [
      "two registries",
      { type: "inline", ref, port: 5005 },
      /^\S+port is for a registry that this stack runs/,
    ],
    ["a login", { type: "registry", ref: "me:secret@registry.example/x" }, /^\S+ref must be a repository/],
    ["a scheme", { type: "registry", ref: "https://registry.example/x" }, /^\S+ref must be a repository/],
    ["a tag", { type: "registry", ref: "registry.example/x:1" }, /^\S+ref must be a repository/],
    ["no registry's name", { type: "registry", ref: "me/x" }, /^\S+ref must begin with its registry/],
    [
      "the pull-through cache",
      { type: "registry", ref: "localhost:5000/x" },
      /is the pull-through cache, which refuses pushes/,
    ],
    [
      "the cache's port",
      { type: "registry", port: 5000 },
      /^\S+port must differ from the ports of registryCache/,
    ],
    ["a low port", { type: "registry", port: 80 }, /^\S+port 80 is below 1024/],
    ["another type", { type: "s3", ref }, /^\S+type must be "off", "inline" or "registry"/],
  ];
  for (const [what, buildCache, line] of wrong)
    it(`refuse ${what}`, () => {
      const problems = settingProblems({ buildCache });
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.ok(problems[0]!.startsWith(key));
      assert.match(problems[0]!, line);
    });
});

describe("build cache", () => {
  const cache = { type: "registry", ref, mode: "max", export: true } as const;

  it("has a tag for each image, by its friendly tag", () => {
    assert.equal(cacheReference(cache, "whisperx", ["whisperx:cu128"]), `${ref}:whisperx-cu128`);
    assert.equal(cacheReference(cache, "x", ["host.example:1/a/b:1.2_3"]), `${ref}:host.example-1-a-b-1.2_3`);
    assert.equal(cacheReference(cache, "x", []), `${ref}:x`);
  });

  it("is read and written as its type and the build want it", () => {
    const at = `${ref}:x`;
    const from = ["--cache-from", `type=registry,ref=${at}`];
    const to = `type=registry,ref=${at},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`;
    assert.deepEqual(cacheOptions(cache, at, false), [...from, "--cache-to", to]);
    assert.deepEqual(cacheOptions(cache, at, true), ["--cache-to", to]);
    assert.deepEqual(cacheOptions({ ...cache, export: false }, at, false), from);
    assert.deepEqual(cacheOptions({ ...cache, type: "inline" }, at, false), [
      ...from,
      "--cache-to",
      "type=inline",
    ]);
  });

  it("is not taken for the step that failed, and says what went wrong with itself", () => {
    const progress = new BuildProgress(() => undefined);
    const vertex = (digest: string, name: string, error: string) => ({ digest, name, error });
    progress.write(
      JSON.stringify({
        vertexes: [vertex("a", "importing cache manifest from r/x:1", "r/x:1: not found")],
      }),
    );
    assert.equal(progress.cacheProblem(), undefined);
    progress.write(
      JSON.stringify({
        vertexes: [
          vertex("b", "exporting cache to registry", "405 Method Not Allowed"),
          vertex("c", "[2/2] RUN make", "exit code: 1"),
        ],
      }),
    );
    assert.equal(progress.failure()?.step, "[2/2] RUN make");
    assert.equal(progress.cacheProblem(), "405 Method Not Allowed");
  });

  it("stops the preview where the engine's image store cannot write it, with the ways on", async () => {
    const [store] = buildCacheChecks;
    const judge = async (buildCache: object, driverStatus: string[][] = []) =>
      store!.run(
        factsOf({
          settings: settingsOf({ buildCache }),
          engine: async () => engineOf({ DriverStatus: driverStatus }),
        }),
        new AbortController().signal,
      );
    const refused = await judge({ type: "registry", ref });
    assert.equal(refused.status, "FAIL");
    assert.match(
      refused.fix ?? "",
      /buildCache\.type inline.*containerd-snapshotter.*docker-container builder/,
    );
    const containerd = [["driver-type", "io.containerd.snapshotter.v1"]];
    assert.equal((await judge({ type: "registry", ref }, containerd)).status, "OK");
    assert.equal((await judge({ type: "registry", ref, export: false })).status, "OK");
    assert.equal((await judge({ type: "inline", ref })).status, "OK");
    assert.equal((await judge({})).status, "SKIP");
  });
});
