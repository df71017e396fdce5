import type { EarlierImage } from "../images/rebuilds.ts";
import type { Settings } from "../settings/settings.ts";

/**
 * The settings that the bases were made with when they ran last, so that answers can speak of the change; undefined where the
 * stack has never run, or nobody wrote down what it was made of.
 *
 * @param previous what each image was made of, by name
 */
export function settingsBefore(
  settings: Settings,
  previous: ReadonlyMap<string, EarlierImage>,
): Settings | undefined {
  const runtime = previous.get("cuda-base-runtime")?.parts;
  const lock = /^torch(\d+\.\d+\.\d+)-cu(\d+)(\d)-py(\d)(\d+)$/.exec(runtime?.["argument LOCK"] ?? "");
  const image = runtime?.["argument CUDA_BASE"];
  if (!lock || image === undefined) return undefined;
  const [, torch, cudaMajor, cudaMinor, pythonMajor, pythonMinor] = lock as unknown as string[];
  const { packageIndex: _, ...cudaBase } = settings.cudaBase;
  const packageIndex = runtime?.["argument PACKAGE_INDEX"];
  const architectures = previous.get("cuda-base-devel")?.parts?.["argument TORCH_CUDA_ARCH_LIST"];
  return {
    ...settings,
    cudaBase: {
      ...cudaBase,
      cuda: `${cudaMajor}.${cudaMinor}`,
      torch: torch!,
      python: `${pythonMajor}.${pythonMinor}`,
      image,
      ...(packageIndex && { packageIndex }),
      ...(architectures && { cudaArchitectures: architectures.split(";") }),
    },
  };
}
