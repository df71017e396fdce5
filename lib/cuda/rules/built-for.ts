import type { Answer, Pin } from "../types.ts";
import { isAtLeast, localPart, majorOf, publicPart } from "../versions.ts";
import { fails, pinFact, settingFact } from "./answers.ts";
import type { Context } from "./context.ts";

/** What the label of a wheel says that it was compiled for, e.g. `+cu12torch2.7cxx11abiTRUE`. */
interface Build {
  cudaMajor: number;
  /** e.g. `"2.7"` */
  torch?: string;
  /** C++ ABI, `_GLIBCXX_USE_CXX11_ABI`. */
  isNewAbi?: boolean;
}

const rule = "wheel-fits-base";
/** Packages with rules of their own about their builds. */
const own = /^(torch|xformers|flash-attn)$/;

/** Wheels that are pinned as files, and compiled extensions that name a build in their label, against the base. */
export function builtFor(context: Context): Answer[] {
  return context.images.flatMap(({ pins }) =>
    [...pins.values()].flatMap((pin) => [
      ...pythonClash(context, pin),
      ...(own.test(pin.name) ? [] : buildClash(context, pin, rule)),
    ]),
  );
}

function pythonClash({ combination: { python } }: Context, pin: Pin): Answer[] {
  if (pin.python === undefined || pin.python === python) return [];
  return [
    fails(rule, "install", {
      text: `${pin.name} ${pin.version} is a wheel for Python ${pin.python}, the base has ${python}: "not a supported wheel on this platform"`,
      facts: [pinFact(pin), settingFact("python", python)],
      fix: `take its wheel for cp${python.replace(".", "")}`,
    }),
  ];
}

/** Reads a label as flash-attn and Mamba write it, as PyTorch Geometric does, or CUDA's version alone. */
export function buildOf({ version }: Pin): Build | undefined {
  const label = localPart(version) ?? "";
  const full = /^cu(\d{2})\d*torch(\d+\.\d+)[\d.]*(?:cxx11abi(TRUE|FALSE))?/i.exec(label);
  if (full)
    return {
      cudaMajor: Number(full[1]),
      torch: full[2]!,
      ...(full[3] && { isNewAbi: full[3].toUpperCase() === "TRUE" }),
    };
  const geometric = /^pt(\d)(\d+)cu(\d{2})\d+$/.exec(label);
  if (geometric) return { cudaMajor: Number(geometric[3]), torch: `${geometric[1]}.${geometric[2]}` };
  const cuda = /^cu(\d{2})\d+$/.exec(label);
  return cuda ? { cudaMajor: Number(cuda[1]) } : undefined;
}

/** Why a wheel does not go with the base's torch by its label; empty where it does, or where it has none. */
export function buildClash(context: Context, pin: Pin, rule: string): Answer[] {
  const { combination, torchCuda, data } = context;
  const build = buildOf(pin);
  if (!build) return [];
  const what = `${pin.name} ${pin.version} is compiled for`;
  const facts = [pinFact(pin), settingFact("torch", combination.torch)];
  const torch = minorOf(combination.torch);
  const major = torchCuda ? majorOf(torchCuda.cuda) : build.cudaMajor;
  if (build.torch !== undefined && build.torch !== torch)
    return [
      fails(rule, "import", {
        text: `${what} torch ${build.torch}, the base has torch ${combination.torch}: "undefined symbol" when it is imported`,
        facts,
        fix: `take its wheel for cu${major}torch${torch}`,
      }),
    ];
  if (build.cudaMajor !== major)
    return [
      fails(rule, "import", {
        text: `${what} CUDA ${build.cudaMajor}, the base has torch ${combination.torch} for CUDA ${major}: its libcudart is not there when it is imported`,
        facts,
        fix: `take its wheel for ${build.torch ? `cu${major}torch${torch}` : `CUDA ${major}`}`,
      }),
    ];
  const isNewAbi = hasNewAbi(context);
  if (build.isNewAbi === undefined || isNewAbi === undefined || build.isNewAbi === isNewAbi) return [];
  return [
    fails(rule, "import", {
      text: `${what} the ${abiWord(build.isNewAbi)} C++ ABI, torch ${combination.torch} for the ${abiWord(isNewAbi)} one: "undefined symbol" when it is imported`,
      facts,
      sources: data.buildStatements.find(({ id }) => id === "torch-cxx11-abi")?.sources ?? [],
      fix: `take its wheel that ends in cxx11abi${isNewAbi ? "TRUE" : "FALSE"}`,
    }),
  ];
}

const abiWord = (isNew: boolean) => (isNew ? "new" : "old");

/** Whether torch has the new C++ ABI (the data's statement `torch-cxx11-abi`); undefined where its build is not known. */
function hasNewAbi({ combination, torchCuda }: Context): boolean | undefined {
  const minor = minorOf(combination.torch);
  if (minor !== "2.6") return isAtLeast(minor, "2.7");
  return torchCuda && torchCuda.cuda === "12.6";
}

/** e.g. `"2.7"` of `"2.7.1+cu128"` */
const minorOf = (version: string) => publicPart(version).split(".").slice(0, 2).join(".");
