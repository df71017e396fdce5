import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cudaData } from "../../lib/cuda/data.ts";
import { gpuModel } from "../../lib/host/gpu-models.ts";
import { hostFacts, type HostSources } from "../../lib/host/host-facts.ts";
import { askNvidia } from "../../lib/host/nvidia.ts";
import { engineOf, programs, settingsOf } from "../doctor/fed-facts.ts";

const modelOf = (name: string) => gpuModel(name, cudaData());

/** Facts of a machine with these programs; nothing of the real one counts. */
async function factsWith(
  scripts: Record<string, string>,
  {
    host = {},
    dockerDaemon = {},
    timeoutMs = 20_000,
    ...sources
  }: Partial<HostSources> & { host?: object; dockerDaemon?: object; timeoutMs?: number } = {},
) {
  const { folder, env } = programs(scripts);
  const root = mkdtempSync(join(tmpdir(), "host-facts-"));
  try {
    return await hostFacts(settingsOf({ host, dockerDaemon }), {
      env: { PATH: folder },
      nvidia: () => askNvidia(env, { timeoutMs, hardware: () => false }),
      engine: async () => engineOf(),
      modelOf: async (name) => modelOf(name),
      root,
      ...sources,
    });
  } finally {
    for (const path of [folder, root]) rmSync(path, { recursive: true, force: true });
  }
}

const smi = "echo '570.86.15, NVIDIA GeForce RTX 4090, 8.9'";

describe("Host facts", () => {
  it("have driver, GPUs with compute capability, toolkit and engine of this host", async () => {
    const facts = await factsWith(
      { "nvidia-smi": smi, "nvidia-ctk": "echo 'NVIDIA Container Toolkit CLI version 1.17.8'" },
      { engine: async () => engineOf({ Runtimes: { nvidia: { path: "x" } } }) },
    );
    assert.equal(facts.driver, "570.86.15");
    assert.deepEqual(facts.gpus, [{ name: "NVIDIA GeForce RTX 4090", computeCapability: "8.9" }]);
    assert.equal(facts.containerToolkit, "1.17.8");
    assert.equal(facts.gpuAccess, "runtime");
    assert.equal(facts.from["driver"], "this host");
  });

  it("take the compute capability from the name where an old driver does not know it", async () => {
    const facts = await factsWith({
      "nvidia-smi": `case "$1" in *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2;; esac; echo '470.256.02, NVIDIA GeForce RTX 3090'`,
    });
    assert.equal(facts.driver, "470.256.02");
    assert.deepEqual(facts.gpus, [{ name: "NVIDIA GeForce RTX 3090", computeCapability: "8.6" }]);
  });

  const faults: [name: string, script: string, words: RegExp][] = [
    ["hangs", "exec sleep 60", /gives no answer/],
    ["prints without end", "exec yes Unknown Error", /gives no answer/],
    ["prints garbage", "echo '<html>'", /names no driver on this host: <html>/],
    [
      "prints an error",
      "echo 'NVIDIA-SMI has failed because it couldn\\'t communicate'; exit 9".replace(/\\'/g, ""),
      /reaches no driver/,
    ],
    [
      "tells of a mismatch",
      "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18",
      /differ/,
    ],
  ];
  for (const [name, script, words] of faults)
    it(`leave driver and GPUs unknown, with one line, where nvidia-smi ${name}`, async () => {
      const facts = await factsWith(
        { "nvidia-smi": script },
        /hangs|end/.test(name) ? { timeoutMs: 500 } : {},
      );
      assert.equal(facts.driver, undefined);
      assert.equal(facts.gpus, undefined, "an empty list would say that there is none");
      assert.match(facts.from["driver"]!, words);
      assert.doesNotMatch(facts.from["driver"]!, /\n/);
    });

  it("know a host without NVIDIA's hardware to have no GPU", async () => {
    const facts = await factsWith({});
    assert.deepEqual(facts.gpus, []);
    assert.equal(facts.gpuAccess, "none");
  });

  it("leave the machine's GPU out in the sandbox, whose engine has none", async () => {
    const { folder, env } = programs({ "nvidia-smi": smi });
    const facts = await hostFacts(
      { ...settingsOf({}), sandbox: true },
      {
        env,
        nvidia: () => askNvidia(env, { timeoutMs: 20_000, hardware: () => true }),
        engine: async () => engineOf(),
      },
    );
    rmSync(folder, { recursive: true });
    assert.deepEqual(facts.gpus, []);
    assert.equal(facts.driver, undefined);
  });

  it("count on the runtime that this stack will set", async () => {
    const facts = await factsWith({ "nvidia-smi": smi }, { dockerDaemon: { nvidiaRuntime: true } });
    assert.equal(facts.gpuAccess, "runtime");
    assert.equal(facts.from["gpuAccess"], "gpu-build-host:dockerDaemon.nvidiaRuntime");
  });

  it("are about another machine where driver or GPUs are given by hand and this one has none", async () => {
    const facts = await factsWith({}, { host: { driver: "580.65.06" } });
    assert.equal(facts.driver, "580.65.06");
    assert.equal(facts.from["driver"], "gpu-build-host:host.driver");
    assert.equal(facts.gpus, undefined, "this machine's having none says nothing of the other");
    assert.equal(facts.gpuAccess, undefined);
  });

  it("keep this host's GPUs where only its driver is to be another", async () => {
    const facts = await factsWith({ "nvidia-smi": smi }, { host: { driver: "580.65.06" } });
    assert.equal(facts.driver, "580.65.06");
    assert.equal(facts.gpus?.[0]?.computeCapability, "8.9");
  });

  it("read GPUs by hand as names, compute capabilities, or both", async () => {
    const gpus = ["RTX 4090", "9.0", { name: "My card", computeCapability: "8.6" }, "unheard of"];
    const facts = await factsWith({}, { host: { gpus } });
    assert.deepEqual(facts.gpus, [
      { name: "NVIDIA GeForce RTX 4090", computeCapability: "8.9" },
      { name: "GPU of compute capability 9.0", computeCapability: "9.0" },
      { name: "My card", computeCapability: "8.6" },
      { name: "unheard of" },
    ]);
  });

  it("find CDI specifications, and WSL2 by its device", async () => {
    const root = mkdtempSync(join(tmpdir(), "host-facts-root-"));
    mkdirSync(join(root, "var/run/cdi"), { recursive: true });
    mkdirSync(join(root, "dev"));
    writeFileSync(join(root, "var/run/cdi/nvidia.yaml"), "");
    writeFileSync(join(root, "dev/dxg"), "");
    const facts = await factsWith({ "nvidia-smi": smi }, { root });
    rmSync(root, { recursive: true });
    assert.equal(facts.gpuAccess, "cdi");
    assert.equal(facts.from["gpuAccess"], "/var/run/cdi/nvidia.yaml");
    assert.equal(facts.isWsl, true);
  });

  it("leave unknown what an engine without an answer would have said", async () => {
    const facts = await factsWith({ "nvidia-smi": smi }, { engine: async () => ({ problem: "No engine" }) });
    assert.equal(facts.engine, undefined);
    assert.equal(facts.gpuAccess, undefined);
    assert.equal(facts.from["gpuAccess"], "No engine");
  });
});

describe("GPU models", () => {
  const cases: [name: string, capability: string | undefined][] = [
    ["RTX 4090", "8.9"],
    ["NVIDIA GeForce RTX 4090", "8.9"],
    ["rtx 5090", "12.0"],
    ["A100", "8.0"],
    ["H100", "9.0"],
    ["RTX4070Ti", "8.9"],
    ["4090", "8.9"],
    ["A6000", "8.6"],
    ["RTX 3060 12GB", "8.6"],
    ["Titan X", undefined],
    ["RTX 5000", undefined],
    ["RTX", undefined],
    ["", undefined],
    ["Voodoo 2", undefined],
  ];
  for (const [name, capability] of cases)
    it(`"${name}" is ${capability ?? "not known"}`, () =>
      assert.equal(modelOf(name)?.computeCapability, capability));
});
