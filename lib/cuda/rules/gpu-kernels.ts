import type { Answer } from "../types.ts";
import { compareVersions, isAtLeast } from "../versions.ts";
import { fails, settingFact, unknown, warns, works } from "./answers.ts";
import type { Context, GpuFacts } from "./context.ts";
import { driverFact, runningCuda } from "./driver.ts";

/** How code reaches a GPU: compiled for it (or an older one of its major), or as PTX that the driver compiles. */
export function codeFor(capability: string, cubins: string[], ptx: string[]): "cubin" | "ptx" | undefined {
  const [major, minor] = capability.split(".").map(Number) as [number, number];
  const isCompiled = cubins.some((cubin) => {
    const [cubinMajor, cubinMinor] = cubin.split(".").map(Number) as [number, number];
    return cubinMajor === major && cubinMinor <= minor;
  });
  if (isCompiled) return "cubin";
  return ptx.some((code) => compareVersions(code, capability) <= 0) ? "ptx" : undefined;
}

const rule = "gpu-runs-torch";

/** The GPUs' compute capabilities against the kernels in torch's wheel. */
export function gpuRunsTorch(context: Context): Answer[] {
  const { gpus, torchIndex, torchCuda, combination, release } = context;
  if (gpus?.length === 0) return [];
  const torch = settingFact("torch", combination.torch);
  if (torchIndex && !torchCuda)
    return [
      fails("torch-has-cuda", "run", {
        text: `torch ${combination.torch} of the index ${torchIndex} is a build without CUDA`,
        facts: [torch, settingFact("packageIndex", combination.packageIndex ?? "")],
        fix: "set gpu-build-host:cudaBase.packageIndex to an index for CUDA",
      }),
    ];
  if (!gpus)
    return [
      unknown(rule, "run", {
        text: "The GPUs are not known, so nobody can say whether torch has code for them",
        facts: [{ name: "gpu", value: "not known", from: context.host.from["gpus"] ?? "this host" }, torch],
      }),
    ];
  if (!release || !torchCuda) return [];
  const answers = gpus.map((gpu) => judgeGpu(context, gpu));
  const good = answers.filter(({ verdict }) => verdict === "works");
  const bad = answers.filter(({ verdict }) => verdict === "fails");
  if (bad.length === 0 || good.length === 0) return unique(answers);
  const newest = newestOf(gpus);
  const others = answers.map((answer, index): Answer => {
    if (answer.verdict !== "fails") return answer;
    if (gpus[index]!.computeCapability !== newest)
      return warns(rule, { ...answer, text: `${answer.text}; another GPU of the host runs it` });
    const { facts, sources } = answer;
    return unknown(rule, "run", {
      text: `${answer.text}; an older GPU of the host runs it, but CUDA numbers the fastest one first`,
      facts,
      sources,
      fix: `${answer.fix}, or give containers only the GPUs that it has code for`,
    });
  });
  return unique(others);
}

/** Highest compute capability of some GPUs: most likely that of the fastest, which programs take if nobody tells them which. */
const newestOf = (gpus: GpuFacts[]) =>
  gpus
    .flatMap((gpu) => gpu.computeCapability ?? [])
    .sort(compareVersions)
    .at(-1);

function judgeGpu(context: Context, gpu: GpuFacts): Answer {
  const { combination, torchCuda, wheel, torchToolkit } = context;
  const build = `torch ${combination.torch} for CUDA ${torchCuda!.cuda}`;
  const facts = [gpu.fact, settingFact("torch", combination.torch), torchCuda!.fact];
  const capability = gpu.computeCapability;
  if (gpu.brand === "jetson")
    return fails(rule, "install", {
      text: `${gpu.name} is a Jetson (arm64); the images and their wheels are for x86-64`,
      facts,
      sources: gpu.sources,
      fix: "build for a host with a discrete GPU",
    });
  if (!capability)
    return unknown(rule, "run", {
      text: `The compute capability of ${gpu.name} is not known`,
      facts,
      fix: "give it with the GPU's name in gpu-build-host:host.gpus",
    });
  const least = torchToolkit?.computeCapabilities?.[0];
  const sources = [...(wheel?.sources ?? []), ...gpu.sources];
  if (!wheel?.cubins) {
    if (least && !isAtLeast(capability, least))
      return fails(rule, "run", {
        text: `${build} cannot have code for ${gpu.name} (${capability}): CUDA ${torchCuda!.cuda} begins at ${least}`,
        facts,
        sources: torchToolkit.sources,
        fix: fixFor(context, capability),
      });
    const floor = context.data.gpuFloors.find((row) => row.computeCapability === capability);
    if (
      floor &&
      (!isAtLeast(combination.torch, floor.minTorch) || !isAtLeast(torchCuda!.cuda, floor.minCuda))
    )
      return fails(rule, "run", {
        text: `${gpu.name} (${capability}) needs torch ${floor.minTorch} and CUDA ${floor.minCuda} or newer`,
        facts,
        sources: floor.sources,
        fix: fixFor(context, capability),
      });
    return unknown(rule, "run", {
      text: `For which GPUs ${build} has code is not in the data`,
      facts,
      sources,
    });
  }
  switch (codeFor(capability, wheel.cubins, wheel.ptx ?? [])) {
    case "cubin":
      return works(rule, { text: `${build} has code for ${gpu.name} (${capability})`, facts, sources });
    case "ptx":
      return judgePtx(context, gpu, build);
    case undefined:
      if (wheel.ptx === null && !isOlderThanAll(capability, wheel.cubins))
        return unknown(rule, "run", {
          text: `${build} is compiled for ${wheel.cubins.join(", ")}; whether it has PTX for ${gpu.name} (${capability}) is not in the data`,
          facts,
          sources,
        });
      return fails(rule, "run", {
        text: `${build} has no code for ${gpu.name} (${capability}), only for ${wheel.cubins.join(", ")}: "no kernel image is available"`,
        facts,
        sources,
        fix: fixFor(context, capability),
      });
  }
}

const isOlderThanAll = (capability: string, cubins: string[]) =>
  cubins.every((cubin) => compareVersions(capability, cubin) < 0);

/** Only PTX is there for this GPU: the driver must know that CUDA version. */
function judgePtx(context: Context, gpu: GpuFacts, build: string): Answer {
  const { cuda, toolkit } = runningCuda(context);
  const facts = [gpu.fact, settingFact("torch", context.combination.torch), driverFact(context)];
  const text = `${build} has no code for ${gpu.name} (${gpu.computeCapability}) but PTX, which the driver compiles at the first start`;
  const { driver } = context.host;
  if (!driver || !toolkit?.ptxDriver) return unknown("ptx-compiles", "run", { text, facts });
  if (isAtLeast(driver, toolkit.ptxDriver))
    return warns("ptx-compiles", { text, facts, sources: toolkit.sources });
  return fails("ptx-compiles", "run", {
    text: `${text}; driver ${driver} is older than CUDA ${cuda}'s ${toolkit.ptxDriver} and refuses it (cudaErrorUnsupportedPtxVersion)`,
    facts,
    sources: toolkit.sources,
    fix: `upgrade the driver to ${toolkit.ptxDriver} or newer`,
  });
}

/** The newest build of the same or the nearest torch that has code for a GPU. */
function fixFor({ data, combination }: Context, capability: string): string {
  const builds = data.pytorchWheels.filter((row) => row.cubins && codeFor(capability, row.cubins, []));
  const same = builds.find((row) => row.torch === combination.torch);
  const other = same ?? builds.sort((a, b) => compareVersions(a.torch, b.torch)).at(-1);
  if (!other) return "use another GPU";
  return same
    ? `set gpu-build-host:cudaBase.packageIndex to PyTorch's index ${other.index}`
    : `torch ${other.torch} of PyTorch's index ${other.index} has code for it`;
}

const unique = (answers: Answer[]) => [...new Map(answers.map((answer) => [answer.text, answer])).values()];
