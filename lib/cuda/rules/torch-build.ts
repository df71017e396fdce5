import type { Answer, Place } from "../types.ts";
import { indexOfCuda, isSameRelease, majorOf, nearestVersion, publicPart } from "../versions.ts";
import { fails, pinFact, settingFact, unknown, warns, works } from "./answers.ts";
import type { Context } from "./context.ts";

/** CUDA and torch versions that the data does not know: the nearest known one is named. */
export function knownVersions({ combination, toolkit, release, index }: Context): Answer[] {
  const { cuda, torch } = combination;
  return [
    ...(toolkit ? [] : [notInData("cuda", "CUDA", cuda, "build", [...index.toolkits.keys()])]),
    ...(release ? [] : [notInData("torch", "torch", torch, "install", [...index.releases.keys()])]),
  ];
}

function notInData(
  name: "cuda" | "torch",
  word: string,
  version: string,
  place: Place,
  known: string[],
): Answer {
  const nearest = nearestVersion(version, known);
  return unknown(`known-${name}`, place, {
    text: `${word} ${version} is not in the data${nearest ? `; the nearest that is: ${nearest}` : ""}`,
    facts: [settingFact(name, version)],
    ...(nearest && { fix: `set gpu-build-host:cudaBase.${name} to "${nearest}"` }),
  });
}

/** The index has a build of this torch. */
export function torchOnIndex({ combination, release, torchIndex, torchCuda }: Context): Answer[] {
  if (!release) return [];
  const { torch, packageIndex } = combination;
  const rule = "torch-on-index";
  const facts = [settingFact("torch", torch), settingFact("packageIndex", packageIndex ?? "PyPI")];
  if (!torchCuda) {
    if (torchIndex) return []; // a build without CUDA has its own rule
    return [
      unknown(rule, "install", {
        text: packageIndex
          ? `For which CUDA version the index ${packageIndex} has torch ${torch} does not stand in its name`
          : `For which CUDA version PyPI's torch ${torch} is built is not in the data`,
        facts,
        sources: release.sources,
        fix: "set gpu-build-host:cudaBase.packageIndex to one of PyTorch's own indexes",
      }),
    ];
  }
  if (packageIndex === undefined) return [];
  if (!release.indexes)
    return [
      unknown(rule, "install", {
        text: `Which indexes have torch ${torch} is not in the data`,
        facts,
        sources: release.sources,
      }),
    ];
  if (release.indexes.includes(torchIndex!))
    return [
      works(rule, {
        text: `PyTorch's index ${torchIndex} has torch ${torch}`,
        facts,
        sources: release.sources,
      }),
    ];
  return [
    fails(rule, "install", {
      text: `PyTorch's index ${torchIndex} has no torch ${torch}; it is on ${release.indexes.join(", ")}`,
      facts,
      sources: release.sources,
      fix: `set gpu-build-host:cudaBase.packageIndex to ${release.indexes.at(-1)}, or take another torch`,
    }),
  ];
}

/** The CUDA that is asked for against the one that torch is built for: nvcc's major first, then the gate of the base. */
export function cudaIsTorchs({ combination, toolkit, torchCuda, release }: Context): Answer[] {
  const { cuda, torch } = combination;
  if (!torchCuda) return [];
  const hasIndex = release?.indexes?.includes(indexOfCuda(cuda));
  // Where torch has no build for it, it is torch that must move, and the index follows.
  const build = hasIndex ? torchCuda.fact : { ...torchCuda.fact, name: "torch's CUDA" };
  const facts = [settingFact("cuda", cuda), settingFact("torch", torch), build];
  const { sources } = torchCuda;
  if (cuda === torchCuda.cuda)
    return [works("cuda-is-torchs", { text: `torch ${torch} is built for CUDA ${cuda}`, facts, sources })];
  const index = indexOfCuda(cuda);
  const fix = hasIndex
    ? `set gpu-build-host:cudaBase.packageIndex to https://download.pytorch.org/whl/${index}, or cudaBase.cuda to "${torchCuda.cuda}"`
    : `set gpu-build-host:cudaBase.cuda to "${torchCuda.cuda}", or take a torch that is built for CUDA ${cuda}`;
  if (majorOf(cuda) !== majorOf(torchCuda.cuda))
    return [
      fails("nvcc-is-torchs-major", "build", {
        text: `torch ${torch} is built for CUDA ${torchCuda.cuda}: extensions do not compile with nvcc of CUDA ${cuda} ("The detected CUDA version mismatches")`,
        facts,
        sources,
        fix,
      }),
    ];
  if (!toolkit) return []; // not a CUDA version that the data knows: that is said already
  return [
    fails("cuda-is-torchs", "build", {
      text: `torch ${torch} is built for CUDA ${torchCuda.cuda}, cudaBase.cuda is ${cuda}: the base's check stops the build`,
      facts,
      sources,
      fix,
    }),
  ];
}

/** torch has wheels for this Python. */
export function torchOnPython({ combination, release, data, today }: Context): Answer[] {
  const { python, torch } = combination;
  const facts = [settingFact("python", python), settingFact("torch", torch)];
  const answers: Answer[] = [];
  const ended = data.pythonReleases.find((row) => row.python === python);
  if (ended && ended.endOfLife < today)
    answers.push(
      warns("end-of-life", {
        text: `Python ${python} had its end of life in ${ended.endOfLife}`,
        facts: [settingFact("python", python)],
        sources: ended.sources,
      }),
    );
  if (!release) return answers;
  const rule = "torch-on-python";
  if (!release.python)
    answers.push(
      unknown(rule, "install", {
        text: `For which Python versions torch ${torch} has wheels is not in the data`,
        facts,
        sources: release.sources,
      }),
    );
  else if (release.python.includes(python))
    answers.push(
      works(rule, {
        text: `torch ${torch} has wheels for Python ${python}`,
        facts,
        sources: release.sources,
      }),
    );
  else
    answers.push(
      fails(rule, "install", {
        text: `torch ${torch} has no wheel for Python ${python}, only for ${release.python[0]} to ${release.python.at(-1)}`,
        facts,
        sources: release.sources,
        fix: `set gpu-build-host:cudaBase.python to "${nearestVersion(python, release.python)}", or take another torch`,
      }),
    );
  return answers;
}

/** torch, torchvision, torchaudio and triton come in sets: their wheels name each other's exact version. */
export function torchFamily({ combination, release, images, torchCuda }: Context): Answer[] {
  if (images.length === 0) return [];
  const rule = "torch-family";
  const torch = settingFact("torch", combination.torch);
  return images.flatMap(({ pins }) => {
    const answers: Answer[] = [];
    const own = pins.get("torch");
    if (own && !isSameRelease(own.version, combination.torch))
      answers.push(
        fails(rule, "install", {
          text: `${own.from} pins torch ${own.version}; the base has ${combination.torch}`,
          facts: [pinFact(own), torch],
          fix: `lock it again for torch ${combination.torch}`,
        }),
      );
    for (const name of ["torchvision", "torchaudio", "triton"] as const) {
      const pin = pins.get(name);
      const wanted = release?.[name];
      if (!pin || !wanted || isSameRelease(pin.version, wanted)) continue;
      answers.push(
        fails(rule, name === "triton" ? "install" : "import", {
          text: `torch ${combination.torch} goes with ${name} ${wanted}, pinned is ${pin.version}`,
          facts: [pinFact(pin), torch],
          sources: release.sources,
          fix: `pin ${name}==${publicPart(wanted)}`,
        }),
      );
    }
    return [...answers, ...cudnnPin()];

    /** torch is compiled against one major of cuDNN. */
    function cudnnPin(): Answer[] {
      const pin = [...pins.values()].find(({ name }) => /^nvidia-cudnn-cu\d+$/.test(name));
      const wanted = torchCuda && release?.cudnn?.[indexOfCuda(torchCuda.cuda)];
      if (!pin || !wanted || majorOf(pin.version) === majorOf(wanted)) return [];
      return [
        fails(rule, "import", {
          text: `torch ${combination.torch} needs cuDNN ${majorOf(wanted)} (${wanted}), pinned is ${pin.version}`,
          facts: [pinFact(pin), torch],
          sources: release.sources,
          fix: `pin ${pin.name}==${wanted}`,
        }),
      ];
    }
  });
}
