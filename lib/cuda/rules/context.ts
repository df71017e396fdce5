import type { CudaData } from "../data-schema.ts";
import type { Combination, Fact, Gpu, HostFacts, Pin } from "../types.ts";
import { cudaOfIndex, indexOfCuda, localPart, majorOf, publicPart } from "../versions.ts";
import {
  factsIndex,
  type Brand,
  type FactsIndex,
  type NvidiaImage,
  type Toolkit,
  type TorchRelease,
  type TorchWheel,
} from "./facts-index.ts";

/** A GPU with what the data says about its name. */
export interface GpuFacts {
  name: string;
  computeCapability?: string;
  brand?: Brand;
  fact: Fact;
  sources: string[];
}

/** An image's pins by name. */
export interface ImagePins {
  image: string;
  pins: Map<string, Pin>;
  environment: Record<string, string>;
}

/** The external image of the bases, taken apart. */
export interface ExternalImage {
  /** Is it one of NVIDIA's `nvidia/cuda`? Only those check the driver and carry cuda-compat. */
  isNvidia: boolean;
  /** e.g. `"12.8.1"` */
  point?: string;
  /** e.g. `"12.8"` */
  cuda?: string;
  variant?: "base" | "runtime" | "devel";
  hasCudnn: boolean;
  /** e.g. `"ubuntu22.04"` */
  distribution?: string;
  /** The data's row of this point release, or of another one of the same CUDA version. */
  row?: NvidiaImage;
}

/** What the rules look at: a combination and a host with the rows of the data that belong to them. */
export interface Context {
  combination: Combination;
  host: HostFacts;
  data: CudaData;
  index: FactsIndex;
  /** Day to judge ends of support by, e.g. `"2026-11-30"`. */
  today: string;
  toolkit?: Toolkit;
  release?: TorchRelease;
  /** Name of the index of torch's build, e.g. `"cu128"`; `"cpu"` and the like as they are. */
  torchIndex?: string;
  /** CUDA version that torch is built for, and where that stands. */
  torchCuda?: { cuda: string; fact: Fact; sources: string[] };
  torchToolkit?: Toolkit;
  wheel?: TorchWheel;
  image: ExternalImage;
  /** Undefined: not known; empty: none. */
  gpus?: GpuFacts[];
  images: ImagePins[];
}

/** Everything that the rules need to know, worked out once. */
export function contextOf(combination: Combination, host: HostFacts, data: CudaData, today: string): Context {
  const index = factsIndex(data);
  const release = index.releases.get(publicPart(combination.torch));
  const { torchIndex, torchCuda } = buildOf(combination, release);
  return {
    combination,
    host,
    data,
    index,
    today,
    toolkit: index.toolkits.get(combination.cuda),
    release,
    torchIndex,
    torchCuda,
    torchToolkit: torchCuda && index.toolkits.get(torchCuda.cuda),
    wheel: torchIndex ? index.wheels.get(`${publicPart(combination.torch)} ${torchIndex}`) : undefined,
    image: externalImage(combination.cudaImage, data),
    gpus: host.gpus?.map((gpu) => gpuFacts(gpu, host, index)),
    images: imagePins(combination),
  };
}

/** What a lock says of torch's build: `torch==2.7.1+cu128`. */
function lockedBuild(pins: Combination["pins"]): Pick<Context, "torchIndex" | "torchCuda"> | undefined {
  for (const pin of Object.values(pins).flat()) {
    const local = pin.name === "torch" ? localPart(pin.version) : undefined;
    const cuda = local && cudaOfIndex(`/${local}`);
    if (local && cuda)
      return {
        torchIndex: local,
        torchCuda: { cuda, fact: { name: "torch", value: pin.version, from: pin.from }, sources: [] },
      };
  }
  return undefined;
}

function buildOf(
  { packageIndex, pins }: Combination,
  release: TorchRelease | undefined,
): Pick<Context, "torchIndex" | "torchCuda"> {
  if (packageIndex !== undefined) {
    const torchIndex = packageIndex.replace(/\/+$/, "").split("/").at(-1)!;
    const cuda = cudaOfIndex(packageIndex);
    if (isPytorchsOther(packageIndex)) return {};
    const fact = { name: "packageIndex", value: packageIndex, from: "gpu-build-host:cudaBase.packageIndex" };
    if (cuda) return { torchIndex, torchCuda: { cuda, fact, sources: [] } };
    if (/^(cpu|xpu|rocm[\d.]*)$/.test(torchIndex)) return { torchIndex };
    return lockedBuild(pins) ?? {};
  }
  const locked = lockedBuild(pins);
  if (locked) return locked;
  if (!release?.pypiCuda) return {};
  const sources = release.sourcesOf?.["pypiCuda"] ?? release.sources;
  const fact = { name: "torch's CUDA", value: release.pypiCuda, from: sources[0]! };
  return { torchIndex: indexOfCuda(release.pypiCuda), torchCuda: { cuda: release.pypiCuda, fact, sources } };
}

/** An index of PyTorch's own host that has no releases for a CUDA version: nightly builds, a slip of the pen. */
const isPytorchsOther = (index: string) =>
  /^https:\/\/download\.pytorch\.org\/whl\/[^/]/.test(index) &&
  !/\/whl\/(cu\d{3}|cpu|xpu|rocm[\d.]*)\/?$/.test(index);

function externalImage(reference: string, data: CudaData): ExternalImage {
  const match =
    /(?:^|\/)nvidia\/cuda:(\d+\.\d+)(\.\d+)?(-cudnn\d*)?-(base|runtime|devel)-([a-z0-9.]+?)(?:@.*)?$/.exec(
      reference,
    );
  if (!match) return { isNvidia: /(^|\/)nvidia\/cuda[:@]/.test(reference), hasCudnn: false };
  const [, cuda, patch, cudnn, variant, distribution] = match as unknown as [
    string,
    string,
    string?,
    string?,
    string?,
    string?,
  ];
  const point = patch && `${cuda}${patch}`;
  const row =
    data.nvidiaImages.find((image) => image.point === point) ??
    data.nvidiaImages.find((image) => image.point.startsWith(`${cuda}.`));
  return {
    isNvidia: true,
    ...(point && { point }),
    cuda,
    variant: variant as ExternalImage["variant"],
    hasCudnn: cudnn !== undefined,
    distribution,
    row,
  };
}

function gpuFacts(gpu: Gpu, host: HostFacts, index: FactsIndex): GpuFacts {
  const name = gpu.name.trim();
  const plain = name.replace(/^NVIDIA\s+/i, "").toLowerCase();
  const known = index.models.find(
    ({ model }) => plain.startsWith(model) && !/^[a-z0-9]/.test(plain.slice(model.length)),
  );
  const computeCapability = gpu.computeCapability ?? known?.computeCapability;
  return {
    name,
    computeCapability,
    brand: known?.brand ?? brandInName(plain),
    fact: {
      name: "gpu",
      value: computeCapability ? `${name} (${computeCapability})` : name,
      from: host.from["gpus"] ?? "this host",
    },
    sources: known && !gpu.computeCapability ? known.sources : [],
  };
}

/** A product line that stands in the name itself. */
function brandInName(name: string): Brand | undefined {
  const line = /\b(geforce|titan|quadro|tesla|jetson)\b/.exec(name)?.[1];
  if (line === "quadro") return "workstation";
  if (line === "tesla") return "data-center";
  return line as Brand | undefined;
}

function imagePins({ pins, environment }: Combination): ImagePins[] {
  return Object.entries(pins).map(([image, list]) => ({
    image,
    pins: new Map(list.map((pin) => [normalName(pin.name), pin])),
    environment: environment?.[image] ?? {},
  }));
}

const normalNames = new Map<string, string>();

/** A package's normal name, e.g. `"flash-attn"` for `"flash_attn"`. */
export function normalName(name: string): string {
  let normal = normalNames.get(name);
  if (normal === undefined) normalNames.set(name, (normal = name.toLowerCase().replace(/[-_.]+/g, "-")));
  return normal;
}

/** Driver branch, e.g. 570 of `"570.124.06"`; undefined for what is no driver version. */
export const branchOf = (driver: string) =>
  /^\d{3}(\.\d+){0,3}$/.test(driver) ? majorOf(driver) : undefined;
