import type { CudaData } from "../data-schema.ts";
import type { Answer, Fact } from "../types.ts";
import { compareVersions, isAtLeast, majorOf } from "../versions.ts";
import { fails, unknown, warns, works } from "./answers.ts";
import { branchOf, type Context } from "./context.ts";
import type { Toolkit } from "./facts-index.ts";

/** How a driver stands to a CUDA version: `"minor"` runs all but PTX that is newer than itself. */
export interface DriverVerdict {
  verdict: "full" | "minor" | "no" | "unknown";
  /** Least driver for the next better verdict; empty where not known. */
  needs: string;
  /** Newest CUDA version that this driver fully runs, where it does not run the one that was asked for. */
  best?: string;
}

/**
 * NVIDIA's table for one driver and one CUDA version; the doctor asks the same.
 *
 * @param isWsl the driver's number is that of Windows
 */
export function driverVerdict(driver: string, cuda: string, data: CudaData, isWsl = false): DriverVerdict {
  const toolkit = data.cudaToolkits.find((row) => row.version === cuda);
  const row = toolkit ?? data.cudaToolkits.find(({ version }) => majorOf(version) === majorOf(cuda));
  if (!row) return { verdict: "unknown", needs: "" };
  const oldest = (isWsl ? row.minorVersionWindowsDriver : undefined) ?? row.minorVersionDriver;
  if (!isAtLeast(driver, oldest)) {
    const best = newestFullyRun(driver, data);
    return { verdict: "no", needs: oldest, ...(best && { best }) };
  }
  const own = isWsl ? (firstDriver(toolkit?.windowsDrivers) ?? toolkit?.ptxDriver) : toolkit?.ptxDriver;
  if (!own) return { verdict: "unknown", needs: oldest };
  return { verdict: isAtLeast(driver, own) ? "full" : "minor", needs: own };
}

/** Driver of the first of a CUDA version's point releases. */
const firstDriver = (drivers: Record<string, string> | null | undefined) =>
  drivers ? Object.entries(drivers).sort(([a], [b]) => compareVersions(a, b))[0]?.[1] : undefined;

/** CUDA version that a driver reports, as nvidia-smi shows it; Windows numbers a branch a little higher than Linux. */
export function reportedCuda(driver: string, data: CudaData): string | undefined {
  const branch = branchOf(driver);
  return branch === undefined
    ? undefined
    : data.driverBranches
        .filter((row) => row.branch <= branch)
        .sort((a, b) => a.branch - b.branch)
        .at(-1)?.cuda;
}

/** Newest CUDA version whose own driver is not newer than this one. */
export function newestFullyRun(driver: string, data: CudaData): string | undefined {
  return data.cudaToolkits
    .filter((row) => row.ptxDriver && isAtLeast(driver, row.ptxDriver))
    .map((row) => row.version)
    .sort(compareVersions)
    .at(-1);
}

/** The host's driver as a fact. */
export const driverFact = ({ host }: Context): Fact => ({
  name: "driver",
  value: host.driver ?? "not known",
  from: host.from["driver"] ?? "this host",
});

/** The CUDA version whose code runs: torch's build, else the setting; with its row. */
export function runningCuda(context: Context): { cuda: string; toolkit?: Toolkit; fact: Fact } {
  const { torchCuda, torchToolkit, combination, toolkit } = context;
  if (torchCuda) return { cuda: torchCuda.cuda, toolkit: torchToolkit, fact: torchCuda.fact };
  const fact = { name: "cuda", value: combination.cuda, from: "gpu-build-host:cudaBase.cuda" };
  return { cuda: combination.cuda, toolkit, fact };
}

const rule = "driver-runs-cuda";

/** First floor: the driver runs machine code of this CUDA major at all. Third: it surely compiles PTX of this CUDA version. */
export function driverRunsCuda(context: Context): Answer[] {
  if (context.gpus?.length === 0) return [];
  const { cuda, toolkit, fact } = runningCuda(context);
  const facts = [driverFact(context), fact];
  const { driver } = context.host;
  if (driver === undefined)
    return [
      unknown(rule, "run", {
        text: `The driver is not known, so nobody can say whether it runs CUDA ${cuda}`,
        facts,
      }),
    ];
  const branch = branchOf(driver);
  if (branch === undefined)
    return [
      unknown(rule, "run", {
        text: `"${driver}" is no version of NVIDIA's driver`,
        facts,
        fix: 'give it as nvidia-smi prints it, e.g. "570.124.06"',
      }),
    ];
  const { verdict, needs, best } = driverVerdict(driver, cuda, context.data, context.host.isWsl);
  const sources = toolkit?.sources ?? [];
  switch (verdict) {
    case "no":
      return [tooOld(context, { driver, branch, cuda, needs, best, facts, sources })];
    case "unknown":
      return [
        unknown(rule, "run", {
          text: `The driver that CUDA ${cuda} needs is not in the data`,
          facts,
          sources,
        }),
      ];
    case "minor":
      return [
        warns(rule, {
          text: `CUDA ${cuda} came with driver ${needs}; ${driver} runs what was compiled for its GPU, but no newer PTX`,
          facts,
          sources,
          fix: `upgrade the driver to ${needs} or newer`,
        }),
      ];
    case "full":
      return [works(rule, { text: `Driver ${driver} runs CUDA ${cuda}`, facts, sources })];
  }
}

interface TooOld {
  driver: string;
  branch: number;
  cuda: string;
  needs: string;
  best?: string;
  facts: Fact[];
  sources: string[];
}

/** Below the first floor only NVIDIA's forward compatibility packages help: data-center GPUs, in nvidia/cuda images. */
function tooOld(context: Context, { driver, branch, cuda, needs, best, facts, sources }: TooOld): Answer {
  const { image, gpus } = context;
  const text = `CUDA ${cuda} needs driver ${needs} or newer; the host has ${driver}`;
  const fix = `upgrade the driver to ${needs} or newer${best ? `, or set gpu-build-host:cudaBase.cuda to "${best}"` : ""}`;
  const branches = image.isNvidia ? image.row?.olderBranches?.dataCenter : [];
  const more = { facts, sources: [...sources, ...(image.row?.sources ?? [])] };
  if (branches?.length === 0 || (branches && !branches.includes(branch)))
    return fails(rule, "run", { text, fix, ...more });
  const brands = gpus?.map((gpu) => gpu.brand);
  if (brands?.every((brand) => brand === "geforce" || brand === "titan" || brand === "jetson"))
    return fails(rule, "run", { text: `${text}, and GeForce has no forward compatibility`, fix, ...more });
  const isCarried = !image.cuda || majorOf(image.cuda) === majorOf(cuda);
  if (branches && isCarried && brands?.every((brand) => brand === "data-center"))
    return warns(rule, {
      text: `${text}; the data-center GPU runs it by the image's forward compatibility package (cuda-compat), which takes branch ${branch}`,
      fix: `keep cuda-compat in the image, or upgrade the driver to ${needs} or newer`,
      ...more,
    });
  return unknown(rule, "run", {
    text: `${text}; only a data-center GPU could run it, by the image's forward compatibility package`,
    fix,
    ...more,
  });
}

/** A GPU that the driver's branch does not drive: too old for it, or too new. */
export function driverDrivesGpu(context: Context): Answer[] {
  const branch = context.host.driver === undefined ? undefined : branchOf(context.host.driver);
  if (branch === undefined || !context.gpus?.length) return [];
  const answers = context.gpus.flatMap((gpu) => {
    const row = context.data.gpuArchitectures.find(({ computeCapabilities }) =>
      computeCapabilities.includes(gpu.computeCapability ?? ""),
    );
    const first = row && context.index.toolkits.get(row.firstToolkit)?.ptxDriver;
    const facts = [gpu.fact, driverFact(context)];
    if (row?.lastDriverBranch !== undefined && branch > row.lastDriverBranch)
      return [
        fails("driver-drives-gpu", "start", {
          text: `${gpu.name} is ${row.family}, which no driver after branch ${row.lastDriverBranch} drives; the host has ${context.host.driver}`,
          facts,
          sources: row.sources,
          fix: `install a driver of branch ${row.lastDriverBranch}`,
        }),
      ];
    if (first && branch < majorOf(first))
      return [
        fails("driver-drives-gpu", "start", {
          text: `${gpu.name} is ${row.family}, which drivers from branch ${majorOf(first)} on drive; the host has ${context.host.driver}`,
          facts,
          sources: row.sources,
          fix: `upgrade the driver to ${first} or newer`,
        }),
      ];
    return [];
  });
  return answers.length === context.gpus.length ? answers.slice(0, 1) : [];
}
