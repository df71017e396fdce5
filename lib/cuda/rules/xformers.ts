import type { Answer, Pin } from "../types.ts";
import {
  compareVersions,
  comparePackageVersions,
  indexOfCuda,
  isInRange,
  isSameRelease,
  localPart,
  majorOf,
  nearestVersion,
  publicPart,
} from "../versions.ts";
import { fails, pinFact, settingFact, unknown, warns, works } from "./answers.ts";
import type { Context, ImagePins } from "./context.ts";
import { rowOf } from "./facts-index.ts";
import { codeFor } from "./gpu-kernels.ts";

/** xFormers against torch and its CUDA, against flash-attn when both are imported, and its kernels against the GPUs. */
export function xformers(context: Context): Answer[] {
  return context.images.flatMap((image) => {
    const pin = image.pins.get("xformers");
    if (!pin) return [];
    const row = rowOf(context.data.xformers, (one) => one.xformers, pin.version);
    if (!row) return [notKnown(context, pin)];
    return [
      ...withTorch(context, pin, row),
      ...withTorchsCuda(context, pin, row),
      ...withFlashAttn(image, pin, row),
      ...onGpu(context, pin, row),
    ];
  });
}

type Row = Context["data"]["xformers"][number];

function notKnown({ data, combination }: Context, pin: Pin): Answer {
  const nearest = nearestVersion(
    pin.version,
    data.xformers.map((row) => row.xformers),
  );
  return unknown("xformers-fits-torch", "import", {
    text: `xformers ${pin.version} is not in the data${nearest ? `; the nearest that is: ${nearest}` : ""}`,
    facts: [pinFact(pin), settingFact("torch", combination.torch)],
  });
}

/** The newest release for this torch, of those whose build on PyPI is for torch's CUDA if there are such. */
function rightFor({ combination, data, torchCuda }: Context): Row | undefined {
  const fitting = data.xformers.filter(
    (one) => one.requiresTorch !== null && isInRange(combination.torch, one.requiresTorch) === true,
  );
  const ofMajor = fitting.findLast(
    ({ pypiCuda }) => pypiCuda && torchCuda && majorOf(pypiCuda) === majorOf(torchCuda.cuda),
  );
  return ofMajor ?? fitting.at(-1);
}

function withTorch(context: Context, pin: Pin, row: Row): Answer[] {
  const { combination } = context;
  const rule = "xformers-fits-torch";
  const facts = [pinFact(pin), settingFact("torch", combination.torch)];
  const fits =
    (row.requiresTorch === null ? undefined : isInRange(combination.torch, row.requiresTorch)) ??
    (row.torch === null ? undefined : isSameRelease(row.torch, combination.torch));
  if (fits === undefined)
    return [
      unknown(rule, "import", {
        text: `For which torch xformers ${pin.version} was built is not in the data`,
        facts,
        sources: row.sources,
      }),
    ];
  if (fits)
    return [
      works(rule, {
        text: `xformers ${pin.version} goes with torch ${row.requiresTorch ?? row.torch}`,
        facts,
        sources: row.sources,
      }),
    ];
  const right = rightFor(context);
  return [
    fails(rule, "import", {
      text: `xformers ${pin.version} is built for torch ${row.requiresTorch ?? row.torch}, not for ${combination.torch}: "xFormers can't load C++/CUDA extensions"`,
      facts,
      sources: row.sources,
      fix: right ? `pin xformers==${right.xformers}` : `take torch ${row.torch}`,
    }),
  ];
}

/** The build opens libcudart of its own CUDA major. A stack's `packageIndex` is for torch alone: what a service locks is PyPI's, what its Dockerfile installs may be another's. */
function withTorchsCuda(context: Context, pin: Pin, row: Row): Answer[] {
  const { combination, torchCuda } = context;
  if (!torchCuda) return [];
  const rule = "xformers-fits-torchs-cuda";
  const local = localPart(pin.version);
  const ofIndex = local && /^cu\d{3}$/.test(local) ? `${local.slice(2, 4)}.${local.slice(4)}` : undefined;
  const built = ofIndex ?? (local === undefined ? row.pypiCuda : undefined);
  if (!built || majorOf(built) === majorOf(torchCuda.cuda)) return [];
  const right = rightFor(context);
  const isRight = right?.pypiCuda && majorOf(right.pypiCuda) === majorOf(torchCuda.cuda);
  const parts = {
    text: `${ofIndex ? "xformers" : "PyPI's xformers"} ${pin.version} is built for CUDA ${built} and opens libcudart.so.${majorOf(built)}; torch ${combination.torch} brings CUDA ${torchCuda.cuda}`,
    facts: [pinFact(pin), settingFact("torch", combination.torch), torchCuda.fact],
    sources: row.sources,
    fix: `${isRight ? `pin xformers==${right.xformers}, or ` : ""}take xformers from PyTorch's index ${indexOfCuda(torchCuda.cuda)}`,
  };
  const mayBeAnothers = !ofIndex && combination.packageIndex !== undefined && /Dockerfile/.test(pin.from);
  if (!mayBeAnothers) return [fails(rule, "import", parts)];
  return [
    unknown(rule, "import", {
      ...parts,
      text: `${parts.text}: it loads only where the service installs the build of PyTorch's index ${indexOfCuda(torchCuda.cuda)} instead`,
    }),
  ];
}

function withFlashAttn({ pins, environment }: ImagePins, pin: Pin, row: Row): Answer[] {
  const flash = pins.get("flash-attn");
  if (!flash || !row.flashAttn) return [];
  const rule = "xformers-fits-flash-attn";
  const facts = [pinFact(pin), pinFact(flash)];
  const { sources } = row;
  const { min, max, countsPost, outside } = row.flashAttn;
  const full = publicPart(flash.version);
  const version = countsPost ? full : full.split(".").slice(0, 3).join(".");
  const order = countsPost ? comparePackageVersions : compareVersions;
  const text = `xformers ${pin.version} takes flash-attn ${min === max ? min : `${min} to ${max}`}, pinned is ${flash.version}`;
  if (order(version, min) >= 0 && order(version, max) <= 0) return [works(rule, { text, facts, sources })];
  const fix = `pin flash-attn in ${min} to ${max}`;
  if (outside === "passed-over")
    return [
      warns(rule, {
        text: `${text}: it passes over that one and takes torch's own attention`,
        facts,
        sources,
        fix,
      }),
    ];
  if (environment["XFORMERS_IGNORE_FLASH_VERSION_CHECK"] === "1")
    return [
      warns(rule, {
        text: `${text}; XFORMERS_IGNORE_FLASH_VERSION_CHECK=1 lets it in all the same`,
        facts,
        sources,
        fix,
      }),
    ];
  return [
    fails(rule, "import", {
      text: `${text}: importing xformers.ops ends with "Requires Flash-Attention version"`,
      facts,
      sources,
      fix: `${fix}, or set XFORMERS_IGNORE_FLASH_VERSION_CHECK=1 in the image`,
    }),
  ];
}

function onGpu({ gpus }: Context, pin: Pin, row: Row): Answer[] {
  const { cubins, ptx, exactOnly } = row;
  if (!gpus?.length || !cubins || !ptx || !exactOnly) return [];
  const known = gpus.flatMap((gpu) =>
    gpu.computeCapability ? [{ gpu, capability: gpu.computeCapability }] : [],
  );
  const common = cubins.filter((cubin) => !exactOnly.includes(cubin));
  const bare = known.filter(
    ({ capability }) => !exactOnly.includes(capability) && !codeFor(capability, common, ptx),
  );
  const [first] = bare;
  if (!first) return [];
  const parts = {
    text: `xformers ${pin.version} has no code for ${first.gpu.name} (${first.capability}), only for ${cubins.join(", ")}`,
    facts: [pinFact(pin), first.gpu.fact],
    sources: row.sources,
    fix: "build the service without xformers, or use another GPU",
  };
  return bare.length === known.length
    ? [fails("xformers-on-gpu", "run", parts)]
    : [warns("xformers-on-gpu", parts)];
}
