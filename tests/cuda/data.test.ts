import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cudaData, dataFile, parseData } from "../../lib/cuda/data.ts";
import { UserError } from "../../lib/errors.ts";

/** The data's text with something changed in it. */
function changed(change: (data: ReturnType<typeof cudaData>) => void): string {
  const data = structuredClone(cudaData());
  change(data);
  return JSON.stringify(data);
}

function problemsOf(text: string): string {
  try {
    parseData(text);
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error.message;
  }
  return "";
}

describe("cudaData", () => {
  it("is the project's file, and it fits the schema", () => {
    assert.deepEqual(cudaData(), JSON.parse(readFileSync(dataFile, "utf8")));
  });

  it("refuses a fact without a source, naming the place", () => {
    const text = changed((data) => (data.pytorchReleases[3]!.sources = []));
    assert.match(problemsOf(text), /^ {2}pytorchReleases\.3\.sources: must name a source$/m);
    const without = changed(
      (data) => delete (data.gpuModels[0] as Partial<(typeof data.gpuModels)[0]>).sources,
    );
    assert.match(problemsOf(without), /^ {2}gpuModels\.0\.sources: /m);
  });

  it("refuses a source that does not exist, of a fact and of one property", () => {
    const fact = changed((data) => data.cudaToolkits[0]!.sources.push("nowhere"));
    assert.match(problemsOf(fact), /cudaToolkits\.0\.sources: names "nowhere", which is no source/);
    const property = changed((data) => (data.pytorchReleases[0]!.sourcesOf = { triton: ["nowhere"] }));
    assert.match(problemsOf(property), /pytorchReleases\.0\.sourcesOf: names "nowhere", which is no source/);
  });

  it("refuses a source that no fact names", () => {
    const text = changed((data) => {
      data.sources["spare"] = { title: "Spare", url: "https://example.org", kind: "primary" };
    });
    assert.match(problemsOf(text), /sources\.spare: is a source that no fact names/);
  });

  it("refuses null without a reason, and a reason for something that is known", () => {
    const missing = changed((data) => (data.pytorchReleases[0]!.triton = null));
    assert.match(problemsOf(missing), /pytorchReleases\.0\.triton: is null without a reason in unknown/);
    const needless = changed((data) => (data.pytorchReleases[0]!.unknown = { triton: "not read" }));
    assert.match(problemsOf(needless), /pytorchReleases\.0\.unknown\.triton: gives a reason, but is known/);
  });

  it("refuses unknown properties and values of another form", () => {
    const property = changed((data) => Object.assign(data.flashAttn[0]!, { wheel: "yes" }));
    assert.match(problemsOf(property), /flashAttn\.0: .*wheel/);
    const driver = changed((data) => (data.cudaToolkits[0]!.minorVersionDriver = "R525"));
    assert.match(problemsOf(driver), /minorVersionDriver: must be a driver version such as "570\.124\.06"/);
    assert.match(problemsOf("{"), /compatibility\.json is not JSON/);
  });

  it("names each release, toolkit and GPU once", () => {
    const data = cudaData();
    const lists = {
      toolkits: data.cudaToolkits.map(({ version }) => version),
      torch: data.pytorchReleases.map(({ torch }) => torch),
      wheels: data.pytorchWheels.map(({ torch, index }) => `${torch} ${index}`),
      xformers: data.xformers.map(({ xformers }) => xformers),
      whisperx: data.whisperx.map(({ whisperx }) => whisperx),
      images: data.nvidiaImages.map(({ point }) => point),
      gpus: data.gpuModels.flatMap(({ models }) => models),
      clashes: data.packageClashes.map(({ id }) => id),
    };
    for (const [name, list] of Object.entries(lists))
      assert.deepEqual(
        list.filter((item, place) => list.indexOf(item) !== place),
        [],
        name,
      );
    assert.ok(lists.gpus.length >= 100, `${lists.gpus.length} GPUs`);
  });

  it("agrees with itself: wheels, images and GPUs name what the other tables have", () => {
    const data = cudaData();
    const torches = new Map(data.pytorchReleases.map((release) => [release.torch, release]));
    for (const { torch, index } of data.pytorchWheels) assert.ok(torches.has(torch), `${torch} ${index}`);
    const capabilities = data.gpuArchitectures.flatMap(({ computeCapabilities }) => computeCapabilities);
    for (const { computeCapability, brand } of data.gpuModels)
      assert.ok(capabilities.includes(computeCapability), `${brand} ${computeCapability}`);
    for (const { point, requiresCuda } of data.nvidiaImages) {
      const toolkit = data.cudaToolkits.find(({ version }) => point.startsWith(`${version}.`));
      assert.ok(toolkit, point);
      if (requiresCuda !== null) assert.equal(requiresCuda, toolkit.version);
    }
    for (const { version, drivers, driverBranch, ptxDriver } of data.cudaToolkits)
      for (const [point, driver] of Object.entries(drivers ?? {})) {
        assert.ok(point.startsWith(`${version}.`), point);
        assert.equal(Number(driver.split(".")[0]), driverBranch, point);
        assert.ok(Object.values(drivers!).includes(ptxDriver!), version);
      }
  });

  it("compiles nothing for an architecture before its first toolkit or after its last", () => {
    const data = cudaData();
    const number = (version: string) => Number(version.split(".")[0]) * 100 + Number(version.split(".")[1]);
    for (const { version, computeCapabilities } of data.cudaToolkits)
      for (const capability of computeCapabilities ?? []) {
        const architecture = data.gpuArchitectures.find((one) =>
          one.computeCapabilities.includes(capability),
        );
        assert.ok(architecture, capability);
        assert.ok(number(architecture.firstToolkit) <= number(version), `${capability} in ${version}`);
        const last = architecture.lastToolkitMajor ?? Infinity;
        assert.ok(Number(version.split(".")[0]) <= last, `${capability} in ${version}`);
      }
  });

  it("cites public documents only", () => {
    for (const [id, { url }] of Object.entries(cudaData().sources)) {
      const { protocol, hostname, username } = new URL(url);
      assert.equal(protocol, "https:", id);
      assert.match(hostname, /^[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|org|io)$/, id);
      assert.equal(username, "", id);
    }
  });
});
