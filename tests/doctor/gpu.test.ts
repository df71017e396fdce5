import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gpuChecks, judgeCuda } from "../../lib/doctor/checks/gpu.ts";
import { driverVerdict } from "../../lib/doctor/cuda-driver.ts";
import { runChecks } from "../../lib/doctor/run-checks.ts";
import { askNvidia, hasNvidiaHardware, type NvidiaAnswer } from "../../lib/host/nvidia.ts";
import { rememberedNvidia } from "../../lib/host/remembered.ts";
import { check, factsOf, engineOf, programs, removePrograms, settingsOf } from "./fed-facts.ts";

/** What askNvidia makes of a program in the place of nvidia-smi. */
function answerOf(script: string): Promise<NvidiaAnswer> {
  const { env } = programs({ "nvidia-smi": script });
  return askNvidia(env, { timeoutMs: 1_000, hardware: () => true });
}

async function results(answer: NvidiaAnswer, cuda = "12.8") {
  const facts = factsOf({ nvidia: async () => answer, settings: settingsOf({ cudaBase: { cuda } }) });
  const [driver, libmatch, verdict] = await Promise.all(
    ["gpu.driver", "gpu.libmatch", "gpu.cuda"].map((id) => check(id, facts)),
  );
  return { driver: driver!, libmatch: libmatch!, cuda: verdict! };
}

afterEach(removePrograms);

describe("Doctor: nvidia-smi", () => {
  it("is OK with driver and GPUs", async () => {
    const { driver, libmatch, cuda } = await results(
      await answerOf(
        "echo '570.124.06, NVIDIA GeForce RTX 4090'; echo '570.124.06, NVIDIA GeForce RTX 3090'",
      ),
    );
    assert.equal(driver.line, "driver 570.124.06, NVIDIA GeForce RTX 4090, NVIDIA GeForce RTX 3090");
    assert.deepEqual([driver.status, libmatch.status, cuda.status], ["OK", "OK", "OK"]);
  });

  it("is SKIP on a host without GPU and driver, FAIL where a GPU is there and no driver", async () => {
    const without = await askNvidia({ PATH: "/nowhere" }, { hardware: () => false });
    const { driver, cuda } = await results(without);
    assert.deepEqual([driver.status, cuda.status], ["SKIP", "SKIP"]);
    const withGpu = await results(await askNvidia({ PATH: "/nowhere" }, { hardware: () => true }));
    assert.equal(withGpu.driver.status, "FAIL");
    assert.match(withGpu.driver.fix!, /install NVIDIA's driver/);
  });

  const faults: [name: string, script: string, id: "driver" | "libmatch", line: RegExp, fix: RegExp][] = [
    ["hangs", "exec sleep 60", "driver", /gives no answer/, /reboot/],
    ["ignores its end", "trap '' TERM INT; while :; do sleep 1; done", "driver", /gives no answer/, /reboot/],
    [
      "prints garbage",
      "echo '<html>not a driver'",
      "driver",
      /names no driver: <html>not a driver/,
      /command -v nvidia-smi/,
    ],
    ["prints nothing", "exit 0", "driver", /exit code 0, without a word/, /install/],
    [
      "ends with 9, no driver loaded",
      'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9',
      "driver",
      /reaches no driver: NVIDIA-SMI has failed/,
      /modprobe nvidia/,
    ],
    [
      "tells of a mismatch",
      "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18",
      "libmatch",
      /kernel module and library of the driver differ/,
      /reboot/,
    ],
    ["crashes", "kill -SEGV $$", "driver", /names no driver/, /install/],
  ];
  for (const [name, script, id, line, fix] of faults) {
    it(`is FAIL with a fix where it ${name}`, async () => {
      const found = await results(await answerOf(script));
      assert.equal(found[id].status, "FAIL");
      assert.match(found[id].line, line);
      assert.match(found[id].fix!, fix);
      assert.equal(found.cuda.status, "SKIP");
      assert.doesNotMatch(found[id].line, /\bat .*\.ts:/);
    });
  }

  it("says nothing of the machine's GPU in the sandbox, which uses none", async () => {
    const settings = { ...settingsOf({ cudaBase: { cuda: "13.0" } }), sandbox: true };
    const nvidia = () => assert.fail("nvidia-smi was asked");
    const found = await runChecks(gpuChecks, factsOf({ nvidia, settings }));
    assert.deepEqual(
      found.map(({ status, line }) => `${status} ${line}`),
      gpuChecks.map(() => "SKIP the sandbox uses no GPU"),
    );
  });

  it("finds NVIDIA's devices on the PCI bus by vendor and class", () => {
    const bus = mkdtempSync(join(tmpdir(), "doctor-pci-"));
    const device = (name: string, vendor: string, kind: string) => {
      mkdirSync(join(bus, name));
      writeFileSync(join(bus, name, "vendor"), `${vendor}\n`);
      writeFileSync(join(bus, name, "class"), `${kind}\n`);
    };
    device("0000:00:01.0", "0x8086", "0x030000");
    device("0000:01:00.1", "0x10de", "0x040300"); // its sound
    assert.equal(hasNvidiaHardware(bus), false);
    device("0000:01:00.0", "0x10de", "0x030200");
    assert.equal(hasNvidiaHardware(bus), true);
    assert.equal(hasNvidiaHardware("/nowhere"), false);
    rmSync(bus, { recursive: true });
  });
});

describe("Doctor: driver against CUDA", () => {
  const rows: [driver: string, cuda: string, verdict: string][] = [
    ["570.124.06", "12.8", "full"],
    ["550.54.15", "12.8", "minor"],
    ["525.60.13", "12.8", "minor"],
    ["525.60.12", "12.8", "no"],
    ["470.256.02", "12.6", "no"],
    ["470.256.02", "11.8", "minor"],
    ["575.57.08", "13.0", "no"],
    ["580.65.06", "13.0", "full"],
    ["580.65.06", "13.2", "minor"],
    ["570.124.06", "14.0", "unknown"],
  ];
  for (const [driver, cuda, verdict] of rows)
    it(`says ${verdict} of driver ${driver} and CUDA ${cuda}`, () =>
      assert.equal(driverVerdict(driver, cuda).verdict, verdict));

  it("agrees with the drivers that NVIDIA's own images name", () => {
    const ok = { state: "ok" as const, gpus: ["a"] };
    const result = judgeCuda({ ...ok, driver: "470.256.02" }, "12.8");
    assert.equal(result.status, "FAIL");
    assert.equal(result.line, "CUDA 12.8 needs driver 525.60.13 or newer; this host has 470.256.02");
    assert.match(judgeCuda({ ...ok, driver: "575.57.08" }, "13.0").fix!, /cudaBase\.cuda to "12\.9"/);
    assert.match(judgeCuda({ ...ok, driver: "550.54.15" }, "12.8").line, /no newer PTX/);
  });
});

describe("Doctor: container toolkit", () => {
  const nvidia = async () => ({ state: "ok" as const, driver: "570.124.06", gpus: ["a"] });
  const toolkit = (env: NodeJS.ProcessEnv, runtimes = {}) =>
    check("gpu.toolkit", factsOf({ nvidia, env, engine: async () => engineOf({ Runtimes: runtimes }) }));

  it("is FAIL without runtime and CDI, WARN for an unsafe release, OK otherwise", async () => {
    const old = programs({ "nvidia-ctk": "echo 'NVIDIA Container Toolkit CLI version 1.16.1'" });
    const safe = programs({ "nvidia-ctk": "echo 'NVIDIA Container Toolkit CLI version 1.17.8'" });
    const runtime = { nvidia: { path: "nvidia-container-runtime" } };
    assert.match((await toolkit({ PATH: "/nowhere" })).line, /not installed/);
    assert.match((await toolkit(safe.env)).fix!, /nvidia-ctk runtime configure/);
    assert.equal((await toolkit(old.env, runtime)).status, "WARN");
    assert.equal((await toolkit(safe.env, runtime)).line, "the runtime nvidia, nvidia-ctk 1.17.8");
  });
});

describe("Facts that last until the next boot", () => {
  it("asks nvidia-smi once, and again when the program is another", async () => {
    const { folder, env } = programs({ "nvidia-smi": "echo '570.124.06, A'" });
    let asked = 0;
    const ask = () => {
      asked++;
      return askNvidia(env);
    };
    const look = () => rememberedNvidia(join(folder, "state"), env, ask);
    assert.equal((await look()).state, "ok");
    assert.equal((await look()).state, "ok");
    assert.equal(asked, 1);
    writeFileSync(join(folder, "nvidia-smi"), "#!/bin/sh\necho '575.57.08, A'\n");
    const again = await look();
    assert.equal(again.state === "ok" && again.driver, "575.57.08");
    assert.equal(asked, 2);
  });

  it("never remembers a fault, and is not misled by a damaged or foreign record", async () => {
    const { folder, env } = programs({ "nvidia-smi": "exit 9" });
    let asked = 0;
    const ask = () => {
      asked++;
      return askNvidia(env);
    };
    const look = () => rememberedNvidia(join(folder, "state"), env, ask);
    await look();
    await look();
    assert.equal(asked, 2);
    mkdirSync(join(folder, "state"), { recursive: true });
    const record = { key: "another boot", answer: { state: "ok", driver: "1.1", gpus: [] } };
    for (const text of ["{", "null", JSON.stringify(record)]) {
      writeFileSync(join(folder, "state", "host-facts.json"), text);
      assert.equal((await look()).state, "no-driver");
    }
    assert.ok(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").length > 30);
  });
});
