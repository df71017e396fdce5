import type { Answer, Pin } from "../types.ts";
import { indexOfCuda, isAtLeast, isInRange, majorOf } from "../versions.ts";
import { fails, pinFact, settingFact, unknown, warns, works } from "./answers.ts";
import type { Context, GpuFacts, ImagePins } from "./context.ts";
import { driverVerdict } from "./driver.ts";

const rule = "ctranslate2-finds-its-libraries";

/** CTranslate2 opens cuBLAS of its CUDA major, and cuDNN of its major, when the first model runs on the GPU. */
export function ctranslate2(context: Context): Answer[] {
  return context.images.flatMap((image) => judge(context, image));
}

const rowFor = (data: Context["data"], pin: Pin) =>
  data.ctranslate2.find((row) => isInRange(pin.version, row.versions) === true);

function judge(context: Context, { pins }: ImagePins): Answer[] {
  const pin = pins.get("ctranslate2");
  if (!pin) return [];
  const { data, torchCuda, release, image, combination } = context;
  const row = rowFor(data, pin);
  const facts = [pinFact(pin), settingFact("torch", combination.torch)];
  if (!row)
    return [
      unknown(rule, "run", {
        text: `Which libraries ctranslate2 ${pin.version} opens is not in the data`,
        facts,
      }),
    ];
  const hasImageLibraries = image.variant === "runtime" || image.variant === "devel";
  const majors = [
    ...(torchCuda ? [majorOf(torchCuda.cuda)] : []),
    ...cublasMajors(pins),
    ...(hasImageLibraries && image.cuda ? [majorOf(image.cuda)] : []),
  ];
  const { sources } = row;
  if (!majors.includes(row.cudaMajor)) {
    if (!torchCuda)
      return [
        unknown(rule, "run", {
          text: `ctranslate2 ${pin.version} opens libcublas.so.${row.cudaMajor}; what torch brings is not in the data`,
          facts,
          sources,
        }),
      ];
    return [
      fails(rule, "run", {
        text: `ctranslate2 ${pin.version} opens libcublas.so.${row.cudaMajor}, and torch ${combination.torch} for CUDA ${torchCuda.cuda} brings libcublas.so.${majorOf(torchCuda.cuda)}`,
        facts: [...facts, torchCuda.fact],
        sources,
        fix: `add nvidia-cublas-cu${row.cudaMajor} to the service, or take a torch for CUDA ${row.cudaMajor}`,
      }),
    ];
  }
  if (row.cudnnMajor === undefined)
    return [
      works(rule, {
        text: `ctranslate2 ${pin.version} finds libcublas.so.${row.cudaMajor} and needs no cuDNN`,
        facts,
        sources,
      }),
    ];
  const pinned = [...pins.values()].find(({ name }) => /^nvidia-cudnn(-cu\d+)?$/.test(name));
  const torchs = torchCuda ? release?.cudnn?.[indexOfCuda(torchCuda.cuda)] : undefined;
  const images = image.hasCudnn ? image.row?.cudnn : undefined;
  const versions = [pinned?.version ?? torchs, images].filter((version) => typeof version === "string");
  const cudnnFacts = pinned ? [...facts, pinFact(pinned)] : facts;
  if (versions.some((version) => majorOf(version) === row.cudnnMajor))
    return [
      works(rule, {
        text: `ctranslate2 ${pin.version} finds libcublas.so.${row.cudaMajor} and cuDNN ${row.cudnnMajor}`,
        facts: cudnnFacts,
        sources,
      }),
    ];
  if (versions.length === 0 || (image.hasCudnn && !images))
    return [
      unknown(rule, "run", {
        text: `ctranslate2 ${pin.version} needs cuDNN ${row.cudnnMajor}; which one torch ${combination.torch} brings is not in the data`,
        facts: cudnnFacts,
        sources,
      }),
    ];
  return [
    fails(rule, "run", {
      text: `ctranslate2 ${pin.version} opens cuDNN ${row.cudnnMajor}, and torch ${combination.torch} brings cuDNN ${versions[0]}: "${row.cudnnMajor < 9 ? "libcudnn_ops_infer.so.8" : `libcudnn_ops.so.${row.cudnnMajor}`}: cannot open shared object file"`,
      facts: cudnnFacts,
      sources: [...sources, ...(release?.sources ?? [])],
      fix: better(context, majorOf(versions[0]!)),
    }),
  ];
}

/** The release to take with the cuDNN that is there. */
function better({ data }: Context, cudnn: number): string {
  const free = data.ctranslate2.find((row) => row.cudnnMajor === undefined);
  const row = free ?? data.ctranslate2.findLast((one) => one.cudnnMajor === cudnn);
  if (!row) return "install cuDNN of its major";
  return `pin ctranslate2${row.versions}, which needs ${row.cudnnMajor === undefined ? "no cuDNN" : `cuDNN ${cudnn}`}`;
}

/** CUDA majors of the cuBLAS wheels that an image pins, e.g. 12 of `nvidia-cublas-cu12`; from CUDA 13 on its version says it. */
function cublasMajors(pins: ImagePins["pins"]): number[] {
  return [...pins.keys()].flatMap((name) => {
    if (name === "nvidia-cublas") return [majorOf(pins.get(name)!.version)];
    return name.startsWith("nvidia-cublas-cu") ? [Number(name.slice("nvidia-cublas-cu".length))] : [];
  });
}

/** The code in CTranslate2's wheels against the GPUs and the driver. */
export function ctranslate2OnGpu(context: Context): Answer[] {
  const { data, images, gpus } = context;
  if (!gpus?.length) return [];
  return images.flatMap(({ pins }) => {
    const pin = pins.get("ctranslate2");
    const row = pin && rowFor(data, pin);
    return pin && row
      ? [...tooOldGpus(gpus, pin, row), ...olderDriver(context, pin, row), ...newerGpu(context, pin, row)]
      : [];
  });
}

type Row = Context["data"]["ctranslate2"][number];

const onGpu = "ctranslate2-on-gpu";

/** GPUs that its wheels have no code for any more. */
function tooOldGpus(gpus: GpuFacts[], pin: Pin, row: Row): Answer[] {
  const least = row.leastComputeCapability;
  if (!least) return [];
  const known = gpus.filter((gpu) => gpu.computeCapability);
  const bare = known.filter((gpu) => !isAtLeast(gpu.computeCapability!, least));
  const [gpu] = bare;
  if (!gpu) return [];
  const parts = {
    text: `ctranslate2 ${pin.version} has no code for ${gpu.name} (${gpu.computeCapability}), only from ${least} on: "no kernel image is available"`,
    facts: [pinFact(pin), gpu.fact],
    sources: row.sources,
    fix: "run it on the CPU, build it from source, or use another GPU",
  };
  return bare.length === known.length ? [fails(onGpu, "run", parts)] : [warns(onGpu, parts)];
}

/** A driver that is older than the CUDA version that its wheels are built with. */
function olderDriver({ data, host }: Context, pin: Pin, row: Row): Answer[] {
  const { builtWithCuda: cuda, isRefusedByOlderDrivers } = row;
  if (!cuda || !isRefusedByOlderDrivers || host.driver === undefined) return [];
  const { verdict, needs } = driverVerdict(host.driver, cuda, data, host.isWsl);
  if (verdict !== "minor") return [];
  const older = data.ctranslate2.findLast((one) => !one.isRefusedByOlderDrivers);
  return [
    unknown("ctranslate2-on-driver", "run", {
      text: `ctranslate2 ${pin.version} is built with CUDA ${cuda}; a driver older than ${needs} has refused it (cudaErrorUnsupportedPtxVersion), with which GPU is not known; the host has ${host.driver}`,
      facts: [pinFact(pin), { name: "driver", value: host.driver, from: host.from["driver"] ?? "this host" }],
      sources: row.sources,
      fix: `upgrade the driver to ${needs} or newer${older ? `, or pin ctranslate2${older.versions}` : ""}`,
    }),
  ];
}

/** A GPU of a major that came after the CUDA version that its wheels are built with. */
function newerGpu({ data, gpus }: Context, pin: Pin, row: Row): Answer[] {
  const built = row.builtWithCuda;
  const newest = data.cudaToolkits.find(({ version }) => version === built)?.computeCapabilities?.at(-1);
  const above = gpus!.find(
    (gpu) => gpu.computeCapability && newest && majorOf(gpu.computeCapability) > majorOf(newest),
  );
  if (!above) return [];
  return [
    warns(onGpu, {
      text: `ctranslate2 ${pin.version} was built with CUDA ${built}, which compiles up to ${newest}: on ${above.name} (${above.computeCapability}) it runs only by PTX`,
      facts: [pinFact(pin), above.fact],
      sources: row.sources,
      fix: `pin ctranslate2${data.ctranslate2.at(-1)!.versions}`,
    }),
  ];
}
