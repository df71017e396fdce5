import type { Answer } from "../types.ts";
import { comparePackageVersions, compareVersions, majorOf } from "../versions.ts";
import { fails, settingFact, unknown, works } from "./answers.ts";
import type { Context } from "./context.ts";
import { codeFor } from "./gpu-kernels.ts";

/** Compute capability of an entry such as `"9.0a"` or `"12.0+PTX"`; what is none stays as it is. */
const capabilityOf = (entry: string) => entry.replace(/(\d)[af]?(\+PTX)?$/, "$1");

/** What extensions are compiled for, against what nvcc of this CUDA version knows. */
export function architecturesCompile({ combination, toolkit, data }: Context): Answer[] {
  const rule = "architectures-compile";
  const { cuda, torch, cudaArchitectures } = combination;
  if (!toolkit || cudaArchitectures.length === 0) return [];
  const answers = cudaArchitectures.flatMap((entry): Answer[] => {
    const capability = capabilityOf(entry);
    const facts = [settingFact("cudaArchitectures", entry), settingFact("cuda", cuda)];
    const family = data.gpuArchitectures.find((row) => row.computeCapabilities.includes(capability));
    const isListed = toolkit.computeCapabilities?.includes(capability);
    const takeOut = `take "${entry}" out of gpu-build-host:cudaBase.cudaArchitectures`;
    if (isListed && family?.lastTorch && comparePackageVersions(torch, family.lastTorch) > 0)
      return [
        fails(rule, "build", {
          text: `torch ${torch} builds no extension for ${capability} (${family.family}): "Unknown CUDA arch (${capability}) or GPU not supported"`,
          facts: [...facts, settingFact("torch", torch)],
          sources: family.sources,
          fix: takeOut,
        }),
      ];
    if (isListed) return [];
    if (family?.lastToolkitMajor !== undefined && majorOf(cuda) > family.lastToolkitMajor)
      return [
        fails(rule, "build", {
          text: `nvcc of CUDA ${cuda} no longer compiles for ${capability} (${family.family}); CUDA ${family.lastToolkitMajor} was the last`,
          facts,
          sources: family.sources,
          fix: takeOut,
        }),
      ];
    if (family && compareVersions(cuda, family.firstToolkit) < 0)
      return [
        fails(rule, "build", {
          text: `nvcc of CUDA ${cuda} does not know ${capability} ("Unsupported gpu architecture"); CUDA ${family.firstToolkit} is the first that does`,
          facts,
          sources: family.sources,
          fix: `${takeOut}, or go to CUDA ${family.firstToolkit} or newer`,
        }),
      ];
    if (isListed === false)
      return [
        fails(rule, "build", {
          text: `nvcc of CUDA ${cuda} does not compile for ${capability}`,
          facts,
          sources: toolkit.sources,
          fix: takeOut,
        }),
      ];
    return family
      ? []
      : [unknown(rule, "build", { text: `Compute capability ${capability} is not in the data`, facts })];
  });
  if (answers.length > 0) return answers;
  return [
    works(rule, {
      text: `nvcc of CUDA ${cuda} compiles for ${cudaArchitectures.join(", ")}`,
      facts: [settingFact("cudaArchitectures", cudaArchitectures.join(" ")), settingFact("cuda", cuda)],
      sources: toolkit.sources,
    }),
  ];
}

/** What extensions are compiled for, against the host's GPUs. Not every service compiles one, so it is never more than `unknown`. */
export function architecturesCoverHost({ combination, gpus }: Context): Answer[] {
  const { cudaArchitectures } = combination;
  if (!gpus?.length || cudaArchitectures.length === 0) return [];
  const cubins = cudaArchitectures.map(capabilityOf);
  const ptx = cudaArchitectures.filter((entry) => entry.endsWith("+PTX")).map((entry) => entry.slice(0, -4));
  const known = gpus.filter((gpu) => gpu.computeCapability);
  const bare = known.filter((gpu) => !codeFor(gpu.computeCapability!, cubins, ptx));
  if (bare.length === 0 || bare.length < known.length) return [];
  const [gpu] = bare as [(typeof bare)[number]];
  return [
    unknown("architectures-cover-host", "run", {
      text: `Extensions are compiled for ${cudaArchitectures.join(", ")}: none of it runs on ${gpu.name} (${gpu.computeCapability}), where a service compiles one`,
      facts: [gpu.fact, settingFact("cudaArchitectures", cudaArchitectures.join(" "))],
      fix: `add "${gpu.computeCapability}" to gpu-build-host:cudaBase.cudaArchitectures`,
    }),
  ];
}
