import { cudaData } from "../../../lib/cuda/data.ts";
import type { Combination, HostFacts, Verdict } from "../../../lib/cuda/types.ts";
import { cudaOfIndex } from "../../../lib/cuda/versions.ts";

/** What a release note or a thread says of a combination. Where it names no GPU, driver or Python, a host that fits is meant. */
export interface Given {
  torch: string;
  /** Name of PyTorch's index; PyPI without. */
  index?: string;
  /** @default the CUDA version of the index */
  cuda?: string;
  python?: string;
  image?: string;
  architectures?: string[];
  /** Names as nvidia-smi prints them; null: not known. @default an RTX 3090 */
  gpu?: string | string[] | null;
  /** Where the name does not say it. */
  capability?: string;
  /** null: not known. @default one that is new enough */
  driver?: string | null;
  access?: HostFacts["gpuAccess"] | null;
  isWsl?: boolean;
  engine?: string;
  containerToolkit?: string;
  /** e.g. `"xformers==0.0.31 flash-attn==2.8.3"` */
  pins?: string;
  environment?: Record<string, string>;
}

/** A combination, what is known of it, from where, and the rule that must decide. */
export type Case = [title: string, source: string, verdict: Verdict, rule: string, given: Given];

/** Issue or pull request on GitHub, e.g. `"pytorch/pytorch#149845"`. */
export const github = (thread: string) => `https://github.com/${thread.replace("#", "/issues/")}`;

/** Pages that many cases come from. */
export const pages = {
  minorVersions: "https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html",
  forward: "https://docs.nvidia.com/deploy/cuda-compatibility/forward-compatibility.html",
  toolkitNotes: "https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html",
  architectures:
    "https://docs.nvidia.com/datacenter/tesla/drivers/cuda-toolkit-driver-and-architecture-matrix.html",
  torchReleases: "https://github.com/pytorch/pytorch/blob/main/RELEASE.md",
  torchVersions: "https://pytorch.org/get-started/previous-versions/",
  torchChecker: "https://github.com/BBC-Esq/Torch-CUDA-Compatibility-Checker",
  torchcodec: "https://github.com/meta-pytorch/torchcodec#installing-torchcodec",
  torchPypi: "https://pypi.org/project/torch/#history",
  xformersPypi: "https://pypi.org/project/xformers/#history",
  whisperxPypi: "https://pypi.org/project/whisperx/#history",
  flashReleases: "https://github.com/Dao-AILab/flash-attention/releases",
  ctranslate2Changes: "https://github.com/OpenNMT/CTranslate2/blob/master/CHANGELOG.md",
  whisperReadme: "https://github.com/SYSTRAN/faster-whisper/blob/master/README.md",
  imagePolicy: "https://gitlab.com/nvidia/container-images/cuda/-/blob/master/doc/support-policy.md",
};

/** The combination of a case, with one service `service` that has its pins. */
export function combinationOf(given: Given): Combination {
  const cuda = given.cuda ?? cudaOfIndex(`/${given.index}`) ?? "12.8";
  const point = cudaData().cudaToolkits.find(({ version }) => version === cuda)?.latestPoint ?? `${cuda}.0`;
  const pins = (given.pins ?? "").split(" ").filter((pin) => pin !== "");
  return {
    cuda,
    cudaImage: given.image ?? `nvidia/cuda:${point}-base-ubuntu22.04`,
    torch: given.torch,
    python: given.python ?? "3.10",
    ...(given.index && { packageIndex: `https://download.pytorch.org/whl/${given.index}` }),
    cudaArchitectures: given.architectures ?? [],
    pins: {
      service: pins.map((pin, index) => {
        const [name, version] = pin.split("==") as [string, string];
        return { name, version, from: `services/service/locks/a.lock:${index + 1}` };
      }),
    },
    ...(given.environment && { environment: { service: given.environment } }),
  };
}

/** The host of a case. */
export function hostOf(given: Given): HostFacts {
  const names =
    given.gpu === undefined
      ? ["NVIDIA GeForce RTX 3090"]
      : given.gpu === null
        ? undefined
        : [given.gpu].flat();
  const driver = given.driver === undefined ? "610.43.02" : given.driver;
  return {
    ...(driver !== null && { driver }),
    ...(names && {
      gpus: names.map((name) => ({ name, ...(given.capability && { computeCapability: given.capability }) })),
    }),
    ...(given.access !== null && { gpuAccess: given.access ?? "runtime" }),
    ...(given.isWsl && { isWsl: true }),
    ...(given.engine && { engine: given.engine }),
    ...(given.containerToolkit && { containerToolkit: given.containerToolkit }),
    from: {},
  };
}
