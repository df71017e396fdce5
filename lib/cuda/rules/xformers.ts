import type { Answer, Pin } from "../types.ts";
import {
  compareVersions,
  comparePackageVersions,
  indexOfCuda,
  isSameRelease,
  localPart,
  majorOf,
  publicPart,
} from "../versions.ts";
import { fails, pinFact, settingFact, unknown, works } from "./answers.ts";
import type { Context, ImagePins } from "./context.ts";
import { rowOf } from "./facts-index.ts";

/** xFormers against torch, and against flash-attn when both are imported. */
export function xformers(context: Context): Answer[] {
  return context.images.flatMap((image) => {
    const pin = image.pins.get("xformers");
    return pin ? [...withTorch(context, pin), ...withFlashAttn(context, image, pin)] : [];
  });
}

type Row = Context["data"]["xformers"][number];

const rowFor = ({ data }: Context, pin: Pin) =>
  rowOf(data.xformers, (row) => row.xformers, pin.version, isSameBuild);

const isSameBuild = (a: Row, b: Row) =>
  a.torch === b.torch &&
  String(a.indexes) === String(b.indexes) &&
  JSON.stringify(a.flashAttn) === JSON.stringify(b.flashAttn);

/** The torch that a release was built for, from its own row or from torch's. */
function builtFor(
  context: Context,
  pin: Pin,
): { torch: string; isExact: boolean; row?: Row; sources: string[] } | undefined {
  const row = rowFor(context, pin);
  if (row) return { torch: row.torch, isExact: row.needsExactTorch, row, sources: row.sources };
  const version = publicPart(pin.version);
  const release = context.data.pytorchReleases.find((one) => one.xformers?.includes(version));
  const stable = context.data.xformers.find((one) => !one.needsExactTorch);
  if (!release || !stable || comparePackageVersions(version, stable.xformers) >= 0) return undefined;
  return { torch: release.torch, isExact: true, sources: release.sourcesOf?.["xformers"] ?? release.sources };
}

function withTorch(context: Context, pin: Pin): Answer[] {
  const { combination, torchCuda, release } = context;
  const rule = "xformers-fits-torch";
  const facts = [pinFact(pin), settingFact("torch", combination.torch)];
  const built = builtFor(context, pin);
  if (!built)
    return [
      unknown(rule, "import", {
        text: `For which torch xformers ${pin.version} was built is not in the data`,
        facts,
      }),
    ];
  const { sources, row } = built;
  const fits = built.isExact
    ? isSameRelease(built.torch, combination.torch)
    : comparePackageVersions(combination.torch, built.torch) >= 0;
  const right = release?.xformers?.at(-1);
  if (!fits)
    return [
      fails(rule, "import", {
        text: `xformers ${pin.version} was built for torch ${built.torch}${built.isExact ? "" : " or newer"}, not for ${combination.torch}: it "can't load C++/CUDA extensions"`,
        facts,
        sources,
        fix: right
          ? `pin xformers==${right}`
          : `take torch ${built.torch}, or a release of xformers that is built for torch ${combination.torch}`,
      }),
    ];
  if (!torchCuda) return [];
  const index = indexOfCuda(torchCuda.cuda);
  const local = localPart(pin.version);
  const fromPypi = local === undefined && combination.packageIndex === undefined;
  const cuda = local ? undefined : fromPypi ? row?.pypiCuda : undefined;
  if (fromPypi && cuda && majorOf(cuda) !== majorOf(torchCuda.cuda))
    return [
      fails(rule, "import", {
        text: `PyPI's xformers ${pin.version} is built for CUDA ${cuda} and opens libcudart.so.${majorOf(cuda)}; torch ${combination.torch} brings CUDA ${torchCuda.cuda}`,
        facts: [...facts, torchCuda.fact],
        sources,
        fix: `take xformers from PyTorch's index ${index}`,
      }),
    ];
  if (
    local !== undefined &&
    local !== index &&
    /^cu\d+$/.test(local) &&
    local.slice(0, 4) !== index.slice(0, 4)
  )
    return [
      fails(rule, "import", {
        text: `xformers ${pin.version} is built for another CUDA than torch (${torchCuda.cuda})`,
        facts: [...facts, torchCuda.fact],
        sources,
        fix: `take xformers from PyTorch's index ${index}`,
      }),
    ];
  if (fromPypi && !cuda && !row?.indexes?.every((one) => one.slice(0, 4) === index.slice(0, 4)))
    return [
      unknown(rule, "import", {
        text: `For which CUDA version PyPI's xformers ${pin.version} is built is not in the data`,
        facts,
        sources,
      }),
    ];
  return [
    works(rule, {
      text: `xformers ${pin.version} is built for torch ${built.torch}${built.isExact ? "" : " and newer"}`,
      facts,
      sources,
    }),
  ];
}

function withFlashAttn(context: Context, { pins, environment }: ImagePins, pin: Pin): Answer[] {
  const flash = pins.get("flash-attn");
  if (!flash) return [];
  const rule = "xformers-fits-flash-attn";
  const facts = [pinFact(pin), pinFact(flash)];
  const row = rowFor(context, pin);
  if (!row)
    return [
      unknown(rule, "import", {
        text: `Which flash-attn xformers ${pin.version} takes is not in the data`,
        facts,
      }),
    ];
  const { min, max, countsPost } = row.flashAttn;
  const version = countsPost
    ? publicPart(flash.version)
    : publicPart(flash.version).split(".").slice(0, 3).join(".");
  const order = countsPost ? comparePackageVersions : compareVersions;
  const text = `xformers ${pin.version} takes flash-attn ${min === max ? min : `${min} to ${max}`}, pinned is ${flash.version}`;
  if (order(version, min) >= 0 && order(version, max) <= 0)
    return [works(rule, { text, facts, sources: row.sources })];
  if ((environment["XFORMERS_IGNORE_FLASH_VERSION_CHECK"] ?? "0") === "1")
    return [
      {
        ...works(rule, {
          text: `${text}; XFORMERS_IGNORE_FLASH_VERSION_CHECK=1 lets it in all the same`,
          facts,
          sources: row.sources,
        }),
        isWarning: true,
      },
    ];
  return [
    fails(rule, "import", {
      text: `${text}: importing xformers.ops ends with "Requires Flash-Attention version"`,
      facts,
      sources: row.sources,
      fix: `pin flash-attn in ${min} to ${max}, or set XFORMERS_IGNORE_FLASH_VERSION_CHECK=1 in the image`,
    }),
  ];
}
