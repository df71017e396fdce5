import * as z from "zod";
import { fact, sourcesProblems } from "./fact.ts";

const cuda = z.string().regex(/^\d+\.\d+$/, 'must be a CUDA version such as "12.8"');
const point = z.string().regex(/^\d+\.\d+\.\d+$/, 'must be a point release such as "12.8.1"');
const capability = z.string().regex(/^\d+\.\d$/, 'must be a compute capability such as "8.9"');
const driver = z.string().regex(/^\d+(\.\d+){0,2}$/, 'must be a driver version such as "570.124.06"');
const python = z.string().regex(/^3\.\d+$/, 'must be a Python version such as "3.10"');
const wheelIndex = z.string().regex(/^cu\d{3}$/, 'must be the end of an index such as "cu128"');
const day = z.string().regex(/^\d{4}-\d{2}(-\d{2})?$/, 'must be a date such as "2026-06" or "2026-06-30"');
/** As in Python's packages, e.g. `">=2.7.1,<2.8"`; `""` for any. */
const range = z.string();
const version = z.string().min(1);

const source = z.strictObject({
  title: z.string().min(1),
  url: z.url({ protocol: /^https$/ }),
  /** The maker's own word, somebody else's, a measurement that was published, a report, or what a package index says. */
  kind: z.enum(["primary", "secondary", "measured", "issue", "index"]),
  /** What of the document is meant, or what limits it. */
  note: z.string().optional(),
});

const gpuArchitecture = fact({
  family: z.string(),
  computeCapabilities: z.array(capability),
  firstToolkit: cuda,
  /** Last major that still compiles for it, e.g. 12; absent: still supported. */
  lastToolkitMajor: z.int().optional(),
  /** Last branch that still drives it, e.g. 580; absent: still supported. */
  lastDriverBranch: z.int().optional(),
  /** Last torch whose extension builder takes it in TORCH_CUDA_ARCH_LIST; absent: the newest does. */
  lastTorch: version.optional(),
});

const cudaToolkit = fact({
  version: cuda,
  latestPoint: point.nullable(),
  /** Branch of the driver that belongs to it. */
  driverBranch: z.int().nullable(),
  /** Driver that NVIDIA's table names for each point release, Linux x86-64. */
  drivers: z.record(point, driver).nullable(),
  /** The same for Windows: under WSL2 the driver is that of Windows. */
  windowsDrivers: z.record(point, driver).nullable(),
  /** Least driver that runs code of this major at all ("minor version compatibility"): cubins only, PTX not assured. */
  minorVersionDriver: driver,
  minorVersionWindowsDriver: driver.nullable(),
  /** Least driver that surely compiles PTX of this toolkit: that of its first release. */
  ptxDriver: driver.nullable(),
  /** What nvcc can compile for. */
  computeCapabilities: z.array(capability).min(1).nullable(),
});

const nvidiaImage = fact({
  /** Point release, as in `nvidia/cuda:12.8.1-base-ubuntu22.04`. */
  point,
  /** Distributions of its tags, as in the tag: `"ubuntu22.04"`. */
  distributions: z.array(z.string()).min(1).nullable(),
  cudnn: version.nullable(),
  nccl: version.nullable(),
  cublas: version.nullable(),
  cudart: version.nullable(),
  /** CUDA version that the driver must report when the container starts through NVIDIA's runtime hook. */
  requiresCuda: cuda.nullable(),
  /** Older driver branches that pass all the same, by product; for GeForce none from 12.5 on. */
  olderBranches: z.strictObject({ geforce: z.array(z.int()), dataCenter: z.array(z.int()) }).nullable(),
});

/** A point release of `nvidia/cuda` that gets no updates any more: its tags may be deleted. */
const endedImage = fact({
  point,
  /** The newer point release; absent: the whole line has ended. */
  supersededBy: point.optional(),
});

const driverBranch = fact({
  branch: z.int(),
  /** As NVIDIA calls it. */
  kind: z.enum(["LTS", "production", "new-feature"]).nullable(),
  endOfLife: day.nullable(),
  /** CUDA version that its drivers report. */
  cuda: cuda,
});

const byIndex = z.record(wheelIndex, version);

const pytorchRelease = fact({
  torch: version,
  /** PyTorch's own indexes that have CUDA builds of it: `https://download.pytorch.org/whl/<this>`. */
  indexes: z.array(wheelIndex).nullable(),
  /** CUDA version of the build on PyPI, Linux x86-64. */
  pypiCuda: cuda.nullable(),
  python: z.array(python).nullable(),
  torchvision: version.nullable(),
  torchaudio: version.nullable(),
  /** Version that the Linux wheel requires. */
  triton: version.nullable(),
  /** By index. */
  cudnn: byIndex.nullable(),
  nccl: byIndex.nullable(),
});

const pytorchWheel = fact({
  torch: version,
  index: wheelIndex,
  /** Compute capabilities that it has machine code for. One runs on the same major with an equal or higher minor. */
  cubins: z.array(capability).nullable(),
  /** Compute capabilities that it has PTX of; a driver compiles that for an equal or higher one. */
  ptx: z.array(capability).nullable(),
});

const xformersRelease = fact({
  xformers: version,
  /** Release of torch that it was compiled against. */
  torch: version.nullable(),
  /** What its metadata requires: `"==2.7.1"`; from 0.0.35 on a range. */
  requiresTorch: range,
  /** CUDA version that the build on PyPI was compiled with, Linux x86-64: it opens that major's libcudart. */
  pypiCuda: cuda.nullable(),
  /** Releases of flash-attn that it takes. */
  flashAttn: z
    .strictObject({
      min: version,
      max: version,
      /** `false`: only the first three numbers count, so 2.8.0.post2 is 2.8.0. */
      countsPost: z.boolean(),
      /** With another one installed `import xformers.ops` fails, or it takes torch's own attention instead (up to 0.0.29). */
      outside: z.enum(["import-fails", "passed-over"]),
    })
    .nullable(),
  cubins: z.array(capability).nullable(),
  ptx: z.array(capability).nullable(),
  /** Of the cubins those that run on that very capability only (sm_90a and its like). */
  exactOnly: z.array(capability).nullable(),
});

const flashAttnRelease = fact({
  flashAttn: version,
  date: day,
  /** Official wheels (on GitHub, none on PyPI): torch `major.minor`, Python and CUDA major that they exist for. */
  torch: z.array(z.string()),
  python: z.array(python),
  cudaMajors: z.array(z.int()),
  builtWithCuda: z.array(version),
  cubins: z.array(capability).nullable(),
  ptx: z.array(capability).nullable(),
});

const ctranslate2Releases = fact({
  /** Releases that are alike in this. */
  versions: range,
  /** CUDA version that its wheels are built with. */
  builtWithCuda: cuda.nullable(),
  cudaMajor: z.int(),
  /** Libraries that it opens at run time, e.g. `"libcublas.so.12"`. */
  loads: z.array(z.string()),
  /** cuDNN's major that it needs; absent: none. */
  cudnnMajor: z.int().optional(),
  /** Least compute capability that its wheels have code for. */
  leastComputeCapability: capability.optional(),
  /** A driver older than that of `builtWithCuda` has refused its PTX (cudaErrorUnsupportedPtxVersion). */
  isRefusedByOlderDrivers: z.boolean().optional(),
});

const whisperxRelease = fact({
  whisperx: version,
  date: day.nullable(),
  isYanked: z.boolean(),
  python: range.nullable(),
  torch: range.nullable(),
  torchaudio: range.nullable(),
  ctranslate2: range.nullable(),
  pyannoteAudio: range.nullable(),
  numpy: range.nullable(),
});

/** Packages that cannot be together though their metadata allows it. */
const packageClash = fact({
  id: z.string().regex(/^[a-z0-9-]+$/),
  /** Holds only where all of these are installed; names are normal names, versions ranges. */
  when: z.record(z.string(), range),
  /** Then this one must not be in this range. */
  package: z.string(),
  versions: range,
  place: z.enum(["install", "build", "import", "start", "run"]),
  text: z.string().min(1),
  fix: z.string().min(1),
});

/** Somebody ran it. An observation that it works outweighs a stricter table: then the condition is what to say. */
const observation = fact({
  id: z.string().regex(/^[a-z0-9-]+$/),
  works: z.boolean(),
  /** Exact versions by normal name; local parts where they matter. */
  packages: z.record(z.string(), version),
  cuda: cuda.optional(),
  python: python.optional(),
  driver: driver.optional(),
  computeCapability: capability.optional(),
  service: z.string().optional(),
  place: z.enum(["install", "build", "import", "start", "run"]),
  /** Under which condition, or what was not run. */
  condition: z.string().min(1),
});

const gpuModels = fact({
  computeCapability: capability,
  /** GeForce has no forward compatibility packages; data-center cards and (some) RTX workstation cards have. */
  brand: z.enum(["geforce", "titan", "workstation", "data-center", "jetson"]),
  /** As nvidia-smi prints it, less "NVIDIA". */
  models: z.array(z.string().min(1)).min(1),
});

const distribution = fact({
  /** As in a tag: `"ubuntu22.04"`, `"bookworm"`. */
  id: z.string(),
  /** Version of its own Python package. */
  python: python.nullable(),
  /** pip refuses to install outside of a virtual environment. */
  isExternallyManaged: z.boolean().nullable(),
  endOfLife: day.nullable(),
});

const pythonRelease = fact({ python, endOfLife: day });

const gpuFloor = fact({ computeCapability: capability, minTorch: version, minCuda: cuda });

const hostRequirement = fact({
  id: z.string().regex(/^[a-z0-9-]+$/),
  component: z.enum(["docker-engine", "nvidia-container-toolkit"]),
  minVersion: z.string().regex(/^\d+\.\d+(\.\d+)?$/),
  /** What works from that version on. */
  text: z.string().min(1),
});

/** A fact that is a sentence: what a rule's text says, with its sources. */
const statement = fact({ id: z.string().regex(/^[a-z0-9-]+$/), text: z.string().min(1) });

const shape = z.strictObject({
  schemaVersion: z.literal(1),
  /** Day of the last change. */
  updated: day,
  sources: z.record(z.string().regex(/^[a-z0-9][a-z0-9.-]*$/), source),
  gpuArchitectures: z.array(gpuArchitecture),
  gpuModels: z.array(gpuModels),
  cudaToolkits: z.array(cudaToolkit),
  driverBranches: z.array(driverBranch),
  nvidiaImages: z.array(nvidiaImage),
  endedImages: z.array(endedImage),
  distributions: z.array(distribution),
  pythonReleases: z.array(pythonRelease),
  pytorchReleases: z.array(pytorchRelease),
  pytorchWheels: z.array(pytorchWheel),
  gpuFloors: z.array(gpuFloor),
  xformers: z.array(xformersRelease),
  flashAttn: z.array(flashAttnRelease),
  ctranslate2: z.array(ctranslate2Releases),
  whisperx: z.array(whisperxRelease),
  packageClashes: z.array(packageClash),
  observations: z.array(observation),
  hostRequirements: z.array(hostRequirement),
  /** NVIDIA Container Toolkit, CDI, GeForce and driver rules. */
  hostStatements: z.array(statement),
  /** Building flash-attn, tags of nvidia/cuda, nvcc and torch. */
  buildStatements: z.array(statement),
});

/** The compatibility data: strict, every fact with a source, null with its reason. */
export const cudaDataSchema = shape.superRefine((data, context) => {
  for (const problem of sourcesProblems(data)) context.addIssue({ code: "custom", ...problem });
});

/** Facts of CUDA, its drivers, GPUs, PyTorch and what goes with it. In every fact null is "not known", absent is "none". */
export type CudaData = z.infer<typeof shape>;
