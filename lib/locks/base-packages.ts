import type { Lock } from "./lock-text.ts";

/** The three locks of the base, a layer each: NVIDIA's libraries, torch, the small packages. */
export const baseLockNames = ["nvidia", "torch", "python"] as const;
export type BaseLockName = (typeof baseLockNames)[number];

/** Packages that come from the stack's package index. */
export const torchPackages = ["torch", "torchvision", "torchaudio"];

/**
 * Which of the base's locks a package belongs in. NCCL and NVSHMEM change with torch while the other libraries stay:
 * in the torch layer they leave the NVIDIA layer the same for several releases of torch.
 */
export function baseLockOf(name: string): BaseLockName {
  if (isNvidiaLibrary(name)) return /^nvidia-(nccl|nvshmem)/.test(name) ? "torch" : "nvidia";
  return [...torchPackages, "triton"].includes(name) ? "torch" : "python";
}

/** Splits a resolution of the whole base into its three locks, each with a heading of its own. */
export function splitBaseLock(
  whole: Lock,
  headings: Record<BaseLockName, string>,
): Record<BaseLockName, Lock> {
  const split = (wanted: BaseLockName): Lock => ({
    heading: [headings[wanted]],
    entries: new Map([...whole.entries].filter(([name]) => baseLockOf(name) === wanted)),
  });
  return { nvidia: split("nvidia"), torch: split("torch"), python: split("python") };
}

/** The part of a service's resolution that the base does not have: all else would be a second torch. */
export function withoutBase(whole: Lock, base: Lock, heading: string[]): Lock {
  const own = [...whole.entries].filter(([name, { version }]) => {
    if (baseLockOf(name) !== "python") return false;
    return base.entries.get(name)?.version !== version;
  });
  return { heading, entries: new Map(own) };
}

/** Torch pins each of these to one version, so a date limit has nothing to decide about them. */
export function pinnedByTorch(): string[] {
  const libraries = nvidiaLibraries.flatMap((library) =>
    ["", "-cu11", "-cu12", "-cu13"].map((ending) => `nvidia-${library}${ending}`),
  );
  return [...torchPackages, "triton", "cuda-toolkit", ...libraries];
}

/** NVIDIA's own Python packages for CUDA 13, which bring its libraries along. Torch pins only the toolkit to one version. */
const cudaPackages = ["cuda-bindings", "cuda-pathfinder", "cuda-toolkit"];

const nvidiaLibraries = [
  "cublas",
  "cuda-cupti",
  "cuda-nvrtc",
  "cuda-runtime",
  "cudnn",
  "cufft",
  "cufile",
  "curand",
  "cusolver",
  "cusparse",
  "cusparselt",
  "nccl",
  "nvjitlink",
  "nvshmem",
  "nvtx",
];

/** One of the packages of CUDA that torch brings; `nvidia-ml-py`, say, is a package like any other. */
function isNvidiaLibrary(name: string): boolean {
  return cudaPackages.includes(name) || (pinnedByTorch().includes(name) && name.startsWith("nvidia-"));
}
