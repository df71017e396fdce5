import type { Answer, Pin } from "../types.ts";
import { indexOfCuda, isInRange, majorOf } from "../versions.ts";
import { fails, pinFact, settingFact, unknown, warns, works } from "./answers.ts";
import type { Context, ImagePins } from "./context.ts";

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

/** What CTranslate2's own notes say of single GPUs. */
export function ctranslate2OnGpu({ data, images, gpus }: Context): Answer[] {
  if (!gpus?.length) return [];
  return images.flatMap(({ pins }) => {
    const pin = pins.get("ctranslate2");
    const row = pin && rowFor(data, pin);
    const built = row?.builtWithCuda;
    if (!pin || !row || !built) return [];
    const newest = data.cudaToolkits.find(({ version }) => version === built)?.computeCapabilities?.at(-1);
    const above = gpus.find(
      (gpu) => gpu.computeCapability && newest && majorOf(gpu.computeCapability) > majorOf(newest),
    );
    if (!above) return [];
    return [
      warns("ctranslate2-on-gpu", {
        text: `ctranslate2 ${pin.version} was built with CUDA ${built}, which compiles up to ${newest}: on ${above.name} (${above.computeCapability}) it runs only by PTX`,
        facts: [pinFact(pin), above.fact],
        sources: row.sources,
        fix: `pin ctranslate2${data.ctranslate2.at(-1)!.versions}`,
      }),
    ];
  });
}
