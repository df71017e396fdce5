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

/** Packages with rules of their own about their builds. */
const own = /^(torch|xformers|flash-attn)$/;

/** Compiled extensions whose wheels name a build in their label, against the base's torch, CUDA and Python. */
export function builtFor(context: Context): Answer[] {
  return context.images.flatMap(({ pins }) =>
    [...pins.values()].flatMap((pin) =>
      own.test(pin.name) ? [] : (buildClash(context, pin, "wheel-fits-base") ?? []),
    ),
  );
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

/** Why a wheel does not go with the base by its name; undefined where it does, or where its name says nothing. */
export function buildClash(context: Context, pin: Pin, rule: string): Answer | undefined {
  const { combination, torchCuda } = context;
  const build = buildOf(pin);
  const torch = minorOf(combination.torch);
  const major = torchCuda && majorOf(torchCuda.cuda);
  const what = `${pin.name} ${pin.version}`;
  const facts = [
    pinFact(pin),
    settingFact("torch", combination.torch),
    settingFact("python", combination.python),
  ];
  if (pin.python !== undefined && pin.python !== combination.python)
    return fails(rule, "install", {
      text: `${what} is a wheel for Python ${pin.python}, the base has ${combination.python}: "not a supported wheel on this platform"`,
      facts,
      fix: `take its wheel for cp${combination.python.replace(".", "")}`,
    });
  if (!build) return undefined;
  const isOtherTorch = build.torch !== undefined && build.torch !== torch;
  const isOtherCuda = major !== undefined && build.cudaMajor !== major;
  if (isOtherTorch || isOtherCuda)
    return fails(rule, "import", {
      text: `${what} is compiled for ${build.torch ? `torch ${build.torch} and ` : ""}CUDA ${build.cudaMajor}, the base has torch ${combination.torch}${major === undefined ? "" : ` for CUDA ${major}`}: ${isOtherTorch ? '"undefined symbol"' : `it opens libcudart of CUDA ${build.cudaMajor}`} when it is imported`,
      facts,
      fix: `take its wheel for ${build.torch ? `cu${major ?? build.cudaMajor}torch${torch}` : `CUDA ${major}`}`,
    });
  const isNewAbi = hasNewAbi(context);
  if (build.isNewAbi === undefined || isNewAbi === undefined || build.isNewAbi === isNewAbi) return undefined;
  return fails(rule, "import", {
    text: `${what} is compiled for the ${build.isNewAbi ? "new" : "old"} C++ ABI, torch ${combination.torch} for the ${isNewAbi ? "new" : "old"} one: "undefined symbol" when it is imported`,
    facts,
    sources: context.data.buildStatements.find(({ id }) => id === "torch-cxx11-abi")?.sources ?? [],
    fix: `take its wheel that ends in cxx11abi${isNewAbi ? "TRUE" : "FALSE"}`,
  });
}

/** Whether torch has the new C++ ABI (the data's statement `torch-cxx11-abi`); undefined where its build is not known. */
function hasNewAbi({ combination, torchCuda }: Context): boolean | undefined {
  const minor = minorOf(combination.torch);
  if (minor !== "2.6") return isAtLeast(minor, "2.7");
  return torchCuda && torchCuda.cuda === "12.6";
}

/** e.g. `"2.7"` of `"2.7.1+cu128"` */
const minorOf = (version: string) => publicPart(version).split(".").slice(0, 2).join(".");
