import { existsSync, readdirSync } from "node:fs";
import type { NvidiaAnswer } from "../../host/nvidia.ts";
import { runBriefly } from "../../host/run-briefly.ts";
import { driverVerdict } from "../cuda-driver.ts";
import { npmCommand } from "../../settings/commands.ts";
import { runInImage } from "../run-in-image.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";
import { withEngine } from "./docker-engine.ts";

const installDriver =
  "install NVIDIA's driver: https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/, then reboot";
const installToolkit =
  "install it: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html";
/** Before it a container could take over the host (CVE-2025-23266). */
const safeToolkit = [1, 17, 8];

const definitions: CheckDefinition[] = [
  {
    id: "gpu.driver",
    what: "`nvidia-smi` names driver and GPUs. Building needs neither: a host without a GPU is skipped.",
    fails:
      "a GPU is in the machine or nvidia-smi is installed, and there is no answer within 8 s, or none that names a driver",
    run: async (facts) => judgeDriver(await facts.nvidia()),
  },
  {
    id: "gpu.libmatch",
    what: "The driver's kernel module against its library.",
    fails: "their versions differ, as after an upgrade without a reboot",
    run: async (facts) => {
      const answer = await facts.nvidia();
      if (answer.state === "mismatch")
        return fail(
          `kernel module and library of the driver differ: ${answer.words}`,
          "sudo reboot (or, with nothing on the GPU: sudo rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && sudo modprobe nvidia)",
        );
      return answer.state === "ok" ? ok(`both are ${answer.driver}`) : skip(noGpu(answer));
    },
  },
  {
    id: "gpu.cuda",
    what: "The driver against `cudaBase.cuda`, by NVIDIA's table.",
    fails: "the driver is older than the oldest for that CUDA major version",
    warns:
      "it is older than the driver that this CUDA version came with: what was compiled for it runs, PTX may not",
    run: async (facts) => judgeCuda(await facts.nvidia(), facts.settings.cudaBase.cuda),
  },
  {
    id: "gpu.toolkit",
    what: "NVIDIA's container toolkit: `nvidia-ctk`, and a runtime or CDI device in the engine.",
    fails: "there is a GPU and neither runtime nor CDI device in the engine",
    warns: "nvidia-ctk is older than 1.17.8, before which a container could take over the host",
    run: judgeToolkit,
  },
  {
    id: "gpu.container",
    what: "With `--deep`: an image of the stack is started with all GPUs and lists them.",
    fails: "it sees none, or fewer than the host",
    limit: 60,
    run: judgeContainer,
  },
  {
    id: "gpu.cgroups",
    what: "The engine's cgroup driver: with systemd's, `systemctl daemon-reload` takes the GPU from running containers.",
    warns: "it is systemd, there is a GPU, and containers run",
    run: async (facts) => {
      const answer = await facts.nvidia();
      if (answer.state !== "ok") return skip(noGpu(answer));
      return withEngine(facts, ({ cgroupDriver, runningContainers, devices }) =>
        cgroupDriver !== "systemd" || runningContainers <= 1 || devices.some(isNvidia)
          ? ok(`${cgroupDriver}; no container can lose its GPU by a daemon-reload`)
          : warn(
              `systemd: systemctl daemon-reload takes the GPU from running containers ("Failed to initialize NVML")`,
              "use CDI (sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml, docker run --device nvidia.com/gpu=all)",
            ),
      );
    },
  },
];

/** The sandbox counts as without a GPU on any machine, as the rules of upgrades have it. */
export const gpuChecks: CheckDefinition[] = definitions.map((definition) => ({
  ...definition,
  run: async (facts, signal) =>
    facts.settings.sandbox ? skip("the sandbox uses no GPU") : definition.run(facts, signal),
}));

export function judgeDriver(answer: NvidiaAnswer): Outcome {
  switch (answer.state) {
    case "ok":
      return ok(`driver ${answer.driver}, ${answer.gpus.join(", ")}`);
    case "absent":
      return answer.hardware
        ? fail("an NVIDIA GPU is in this machine, but no nvidia-smi", installDriver)
        : skip(noGpu(answer));
    case "mismatch":
      return skip("the driver does not answer: see gpu.libmatch");
    case "silent":
      return fail(
        "nvidia-smi gives no answer: the driver hangs",
        "sudo dmesg | grep -i -E 'xid|nvrm', then reboot",
      );
    case "no-driver":
      return fail(
        `nvidia-smi reaches no driver: ${answer.words}`,
        "sudo modprobe nvidia; after a new kernel install its headers (linux-headers-$(uname -r)) and reboot",
      );
    case "garbage":
      return fail(
        `nvidia-smi names no driver: ${answer.words}`,
        `see which program it is: command -v nvidia-smi; ${installDriver}`,
      );
  }
}

export function judgeCuda(answer: NvidiaAnswer, cuda: string): Outcome {
  if (answer.state !== "ok") return skip(noGpu(answer));
  const { driver } = answer;
  const { verdict, needs, best } = driverVerdict(driver, cuda);
  if (verdict === "no") {
    const instead = best ? `, or set gpu-build-host:cudaBase.cuda to "${best}"` : "";
    return fail(
      `CUDA ${cuda} needs driver ${needs} or newer; this host has ${driver}`,
      `${installDriver}${instead}`,
    );
  }
  if (verdict === "minor")
    return warn(
      `CUDA ${cuda} came with driver ${needs}; ${driver} runs what was compiled for its GPU, but no newer PTX`,
      `upgrade the driver to ${needs} or newer`,
    );
  return verdict === "full"
    ? ok(`driver ${driver} runs CUDA ${cuda}`)
    : skip(`CUDA ${cuda} is not in the table of drivers`);
}

async function judgeToolkit(facts: Facts, signal: AbortSignal): Promise<Outcome> {
  const answer = await facts.nvidia();
  if (answer.state === "absent" && !answer.hardware) return skip(noGpu(answer));
  const run = await runBriefly("nvidia-ctk", ["--version"], { env: facts.env, timeoutMs: 5_000, signal });
  const version = run.state === "ended" ? /version (\d+)\.(\d+)\.(\d+)/.exec(run.stdout) : undefined;
  const numbers = version?.slice(1).map(Number);
  return withEngine(facts, ({ runtimes, devices }) => {
    const way =
      "nvidia" in runtimes ? "the runtime nvidia" : devices.some(isNvidia) || hasCdi() ? "CDI" : undefined;
    if (!way)
      return fail(
        numbers
          ? "the engine has neither the runtime nvidia nor a CDI device"
          : "NVIDIA's container toolkit is not installed",
        numbers
          ? "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl reload docker"
          : installToolkit,
      );
    if (numbers && isBefore(numbers, safeToolkit))
      return warn(
        `nvidia-ctk ${numbers.join(".")} lets a container take over the host`,
        "upgrade it to 1.17.8 or newer",
      );
    return ok(`${way}${numbers ? `, nvidia-ctk ${numbers.join(".")}` : ""}`);
  });
}

async function judgeContainer(facts: Facts, signal: AbortSignal): Promise<Outcome> {
  const answer = await facts.nvidia();
  if (answer.state !== "ok") return skip(noGpu(answer));
  if (!facts.deep)
    return skip(`starts a container: ${npmCommand("npm run doctor", facts.settings.stack, "--deep")}`);
  const images = await facts.images();
  const missing = await facts.missingImages();
  if (isUnknown(images) || isUnknown(missing)) return skip("the stack's images are not known");
  const image = images.find((candidate) => !missing.includes(candidate));
  if (!image) return skip("no image of the stack is built yet");
  const run = await runInImage(facts, image.reference, "nvidia-smi -L", { signal, gpus: true, seconds: 45 });
  const seen = run.output.split("\n").filter((line) => line.startsWith("GPU ")).length;
  return seen === answer.gpus.length
    ? ok(`a container sees ${seen} of ${answer.gpus.length} GPUs`)
    : fail(
        `a container sees ${seen} of ${answer.gpus.length} GPUs: ${run.output.trim().split("\n").at(-1)}`,
        "see gpu.toolkit",
      );
}

function noGpu(answer: NvidiaAnswer): string {
  if (answer.state === "absent" && !answer.hardware) return "no NVIDIA GPU: this host builds only";
  return "the driver does not answer: see gpu.driver";
}

function hasCdi(): boolean {
  return ["/etc/cdi", "/var/run/cdi"].some(
    (folder) => existsSync(folder) && readdirSync(folder).some((name) => name.includes("nvidia")),
  );
}

const isNvidia = (device: string) => device.startsWith("nvidia.com/gpu");

function isBefore(version: number[], other: number[]): boolean {
  const at = version.findIndex((part, index) => part !== other[index]);
  return at >= 0 && version[at]! < (other[at] ?? 0);
}
