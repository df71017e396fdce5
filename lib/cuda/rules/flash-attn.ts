import type { Answer, Pin } from "../types.ts";
import { majorOf, publicPart } from "../versions.ts";
import { fails, pinFact, settingFact, unknown, warns, works } from "./answers.ts";
import { buildClash, buildOf } from "./built-for.ts";
import type { Context } from "./context.ts";
import { codeFor } from "./gpu-kernels.ts";

/** flash-attn's official wheels against torch, Python and CUDA, and their kernels against the GPUs. */
export function flashAttn(context: Context): Answer[] {
  return context.images.flatMap(({ pins }) => {
    const pin = pins.get("flash-attn");
    return pin ? [...wheel(context, pin), ...kernels(context, pin)] : [];
  });
}

const rowFor = ({ data }: Context, pin: Pin) =>
  data.flashAttn.find((row) => row.flashAttn === publicPart(pin.version));

function wheel(context: Context, pin: Pin): Answer[] {
  const { combination, torchCuda, data } = context;
  const rule = "flash-attn-wheel";
  const torch = publicPart(combination.torch).split(".").slice(0, 2).join(".");
  const major = torchCuda && majorOf(torchCuda.cuda);
  const facts = [
    pinFact(pin),
    settingFact("torch", combination.torch),
    settingFact("python", combination.python),
  ];
  const clash = buildClash(context, pin, rule);
  if (clash.length > 0) return clash;
  if (buildOf(pin)?.torch !== undefined)
    return [works(rule, { text: `flash-attn ${pin.version} is a wheel for this torch and CUDA`, facts })];
  const row = rowFor(context, pin);
  if (!row)
    return [
      unknown(rule, "build", {
        text: `For which torch flash-attn ${pin.version} has wheels is not in the data`,
        facts,
      }),
    ];
  const { sources } = row;
  const isOfMajor = major !== undefined && row.cudaMajors.includes(major);
  if (row.torch.includes(torch) && row.python.includes(combination.python) && isOfMajor)
    return [
      works(rule, {
        text: `flash-attn ${pin.version} has an official wheel for torch ${torch}, Python ${combination.python} and CUDA ${major}`,
        facts,
        sources,
      }),
    ];
  const other = data.flashAttn.findLast(
    (one) =>
      one.torch.includes(torch) &&
      one.python.includes(combination.python) &&
      major !== undefined &&
      one.cudaMajors.includes(major),
  );
  return [
    unknown(rule, "build", {
      text: `flash-attn ${pin.version} has no official wheel for torch ${torch}, Python ${combination.python} and CUDA ${major ?? "(not known)"}: it is compiled for hours, and whether that works is not in the data`,
      facts,
      sources: [
        ...sources,
        ...(data.buildStatements.find(({ id }) => id === "flash-attn-silent-compile")?.sources ?? []),
      ],
      fix: other
        ? `pin flash-attn==${other.flashAttn}, which has a wheel`
        : `take a torch that it has wheels for: ${row.torch.join(", ")}`,
    }),
  ];
}

function kernels(context: Context, pin: Pin): Answer[] {
  const { gpus } = context;
  const row = rowFor(context, pin);
  const cubins = row?.cubins;
  if (!gpus?.length || !cubins) return [];
  const rule = "flash-attn-on-gpu";
  const known = gpus.filter((gpu) => gpu.computeCapability);
  const bare = known.filter((gpu) => !codeFor(gpu.computeCapability!, cubins, row.ptx ?? []));
  const [gpu] = bare;
  if (!gpu) return [];
  const parts = {
    text: `flash-attn ${pin.version} has no code for ${gpu.name} (${gpu.computeCapability}), only for ${cubins.join(", ")}`,
    facts: [pinFact(pin), gpu.fact],
    sources: row.sources,
    fix: fixFor(context, gpu.computeCapability!),
  };
  return bare.length === known.length ? [fails(rule, "run", parts)] : [warns(rule, parts)];
}

function fixFor({ data }: Context, capability: string): string {
  const row = data.flashAttn.findLast((one) => one.cubins && codeFor(capability, one.cubins, one.ptx ?? []));
  return row ? `pin flash-attn==${row.flashAttn}` : "build without flash-attn, or use another GPU";
}
