import type { CudaData } from "./data-schema.ts";
import { factsIndex } from "./rules/facts-index.ts";
import { normalName } from "./rules/context.ts";
import type { Combination, Pin } from "./types.ts";
import { cudaOfIndex, indexOfCuda, nearestVersion } from "./versions.ts";

/** One step from the wanted combination to another. */
export interface Change {
  /** A setting of `cudaBase` or a package, e.g. `"torch"`. */
  name: string;
  from: string;
  to: string;
}

const pytorchIndex = "https://download.pytorch.org/whl/";

/** Pins that no rule asks for make a search slow and change nothing. */
const ruled =
  /^(torch|torchvision|torchaudio|triton|xformers|flash-attn|ctranslate2|whisperx|pyannote-audio|lightning|pytorch-lightning|numpy|transformers|nvidia-(cudnn|cublas).*)$/;

/** The pins that rules ask for, by image; images with the same ones are one. */
export function relevantPins(pins: Combination["pins"]): Combination["pins"] {
  const seen = new Set<string>();
  return Object.fromEntries(
    Object.entries(pins).flatMap(([image, list]) => {
      const own = list.filter(({ name }) => ruled.test(normalName(name)));
      const key = own.map(({ name, version }) => `${name}==${version}`).join(" ");
      if (seen.has(key)) return [];
      seen.add(key);
      return [[image, own]];
    }),
  );
}

/** The combination on another torch and CUDA: index, image, Python, architectures and torch's family follow. */
export function withTorch(
  wanted: Combination,
  cuda: string,
  torch: string,
  data: CudaData,
): Combination | undefined {
  const index = factsIndex(data);
  const release = index.releases.get(torch);
  const toolkit = index.toolkits.get(cuda);
  if (!release || !toolkit) return undefined;
  const { packageIndex, isFound } = indexFor(wanted, cuda, release);
  if (!isFound) return undefined;
  const python =
    !release.python || release.python.includes(wanted.python)
      ? wanted.python
      : nearestVersion(wanted.python, release.python)!;
  const architectures = wanted.cudaArchitectures.filter(
    (entry) => toolkit.computeCapabilities?.includes(entry.replace(/[af]?(\+PTX)?$/, "")) !== false,
  );
  const pins = movedPins(wanted, torch, release);
  return {
    ...wanted,
    cuda,
    torch,
    python,
    packageIndex,
    cudaImage: imageFor(wanted.cudaImage, cuda, toolkit.latestPoint),
    cudaArchitectures: architectures,
    pins,
  };
}

type Release = CudaData["pytorchReleases"][number];

function indexFor(
  wanted: Combination,
  cuda: string,
  release: Release,
): { packageIndex?: string; isFound: boolean } {
  const { packageIndex } = wanted;
  const name = indexOfCuda(cuda);
  const isOnIndex = release.indexes?.includes(name) === true;
  if (packageIndex === undefined && release.pypiCuda === cuda) return { isFound: true };
  if (packageIndex !== undefined && isOnIndex)
    return {
      packageIndex: cudaOfIndex(packageIndex)
        ? packageIndex.replace(/cu\d{3}(?=\/?$)/, name)
        : pytorchIndex + name,
      isFound: true,
    };
  if (isOnIndex) return { packageIndex: pytorchIndex + name, isFound: true };
  return { isFound: release.pypiCuda === cuda };
}

/** The same kind of nvidia/cuda image for another CUDA version. */
function imageFor(image: string, cuda: string, latestPoint: string | null): string {
  const match = /^(.*nvidia\/cuda:)(\d+\.\d+)\.\d+(-.*?)(@.*)?$/.exec(image);
  if (!match || match[2] === cuda || !latestPoint) return image;
  return `${match[1]}${latestPoint}${match[3]}`;
}

/** torch's own packages are locked anew with it. */
function movedPins(wanted: Combination, torch: string, release: Release): Combination["pins"] {
  const move = (pin: Pin): Pin[] => {
    const name = normalName(pin.name);
    if (name.startsWith("nvidia-")) return [];
    if (name === "torch") return [{ ...pin, version: torch }];
    if (name === "torchvision" || name === "torchaudio" || name === "triton")
      return release[name] ? [{ ...pin, version: release[name] }] : [];
    return [pin];
  };
  return Object.fromEntries(Object.entries(wanted.pins).map(([image, pins]) => [image, pins.flatMap(move)]));
}

/** The combination with another version of a companion, wherever it is pinned. */
export function withCompanion(
  combination: Combination,
  name: string,
  version: string,
): Combination | undefined {
  let isChanged = false;
  const pins = Object.fromEntries(
    Object.entries(combination.pins).map(([image, list]) => [
      image,
      list.map((pin) => {
        if (normalName(pin.name) !== name || pin.version === version) return pin;
        isChanged = true;
        return { name: pin.name, version, from: pin.from }; // another file: for which Python is not known
      }),
    ]),
  );
  return isChanged ? { ...combination, pins } : undefined;
}

/** What differs, settings first; torch's own packages move with torch and are not listed. */
export function changesBetween(from: Combination, to: Combination): Change[] {
  const changes: Change[] = [];
  const note = (name: string, before: string, after: string) => {
    if (before !== after) changes.push({ name, from: before, to: after });
  };
  note("cuda", from.cuda, to.cuda);
  note("torch", from.torch, to.torch);
  note("packageIndex", from.packageIndex ?? "PyPI", to.packageIndex ?? "PyPI");
  note("image", from.cudaImage, to.cudaImage);
  note("python", from.python, to.python);
  note("cudaArchitectures", from.cudaArchitectures.join(" "), to.cudaArchitectures.join(" "));
  const after = new Map(
    Object.entries(to.pins).map(([image, pins]) => [
      image,
      new Map(pins.map((pin) => [pin.name, pin.version])),
    ]),
  );
  const seen = new Set<string>();
  for (const [image, pins] of Object.entries(from.pins))
    for (const { name, version } of pins) {
      const now = after.get(image)?.get(name);
      if (now === undefined || /^(torch|torchvision|torchaudio|triton)$/.test(name) || seen.has(name))
        continue;
      if (now !== version) seen.add(name);
      note(name, version, now);
    }
  return changes;
}
