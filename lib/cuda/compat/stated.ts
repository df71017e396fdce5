import { explain, ge, valid } from "@renovatebot/pep440";
import type { CudaData } from "../data-schema.ts";
import { IndexProblem, type IndexFile, type PackageIndex, type Requirement } from "./package-index.ts";
import { isForLinux, pythonOf, splitVersion } from "./wheel-tags.ts";

/** What an index says of a release of torch. */
export interface StatedTorch {
  python: string[];
  cuda?: string;
  triton?: string;
  cudnn?: string;
  nccl?: string;
}

/** What package indexes say; undefined: that part could not be asked. */
export interface Stated {
  /** Releases with a Linux wheel, by project. */
  releases: Partial<Record<"torch" | "xformers" | "whisperx", string[]>>;
  torch?: Map<string, StatedTorch>;
  /** Version of torchvision by the torch that it requires exactly. */
  torchvision?: Map<string, string>;
  torchaudio?: Map<string, string>;
  /** By release: what it requires of torch. */
  xformers?: Map<string, { requiresTorch: string }>;
  whisperx?: Map<string, StatedWhisperx>;
  /** By release of torch: indexes of PyTorch that have it, e.g. `["cu126", "cu128"]`. */
  indexes?: Map<string, string[]>;
}

export interface StatedWhisperx {
  date?: string;
  isYanked: boolean;
  python: string;
  torch: string;
  torchaudio: string;
  ctranslate2: string;
  pyannoteAudio: string;
  numpy: string;
}

/** A part that could not be checked, and why. */
export interface Unchecked {
  what: string;
  why: string;
}

export interface AskOptions {
  pypi: PackageIndex;
  pytorch: PackageIndex;
  /** Called with what is asked now, e.g. `"xformers: 12 of 29 releases"`. */
  onStep?: (detail: string) => void;
}

/** Asks the indexes for all that the data has of them, from its oldest release of each project on. */
export async function askIndexes(
  data: CudaData,
  { pypi, pytorch, onStep = () => undefined }: AskOptions,
): Promise<{ stated: Stated; unchecked: Unchecked[] }> {
  const stated: Stated = { releases: {} };
  const unchecked: Unchecked[] = [];
  /** Runs one part; an index that is silent is asked for nothing more. */
  const silent = new Map<PackageIndex, Unchecked>();
  const part = async (index: PackageIndex, what: string, work: () => Promise<void>) => {
    const known = silent.get(index);
    if (known) return void (known.what += `, ${what}`);
    onStep(what);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof IndexProblem)) throw error;
      const missing = { what, why: error.message };
      unchecked.push(missing);
      if (error.isSilence) silent.set(index, missing);
    }
  };
  const releases = async (project: string, oldest: string) => {
    const found = await readReleases(pypi, project, oldest, {
      onStep,
      onMissing: (missing) => unchecked.push(missing),
    });
    if (project === "torch" || project === "xformers" || project === "whisperx")
      stated.releases[project] = found.map(({ version }) => version);
    return found;
  };
  const oldest = (versions: string[]) => versions.reduce((a, b) => (ge(a, b) ? b : a));

  const torches = data.pytorchReleases.map(({ torch }) => torch);
  await part(pypi, "torch on PyPI", async () => {
    const found = await releases("torch", oldest(torches));
    stated.torch = new Map(
      found
        .filter((release) => release.pythons.length > 0)
        .map((release) => [release.version, torchOf(release)]),
    );
  });
  for (const name of ["torchvision", "torchaudio"] as const) {
    const known = data.pytorchReleases.flatMap((release) => release[name] ?? []);
    await part(pypi, name, async () => {
      const pairs = new Map<string, string>();
      for (const { version, requirements } of await releases(name, oldest(known))) {
        const torch = exactly(requirements, "torch");
        if (torch !== undefined) pairs.set(torch, version);
      }
      stated[name] = pairs;
    });
  }
  await part(pypi, "xformers", async () => {
    const found = await releases("xformers", oldest(data.xformers.map(({ xformers }) => xformers)));
    stated.xformers = new Map(
      found.flatMap(({ version, requirements }) =>
        requirements ? [[version, { requiresTorch: rangeOf(requirements, "torch") }]] : [],
      ),
    );
  });
  await part(pypi, "whisperx", async () => {
    const found = await releases("whisperx", oldest(data.whisperx.map(({ whisperx }) => whisperx)));
    stated.whisperx = new Map(found.flatMap((release) => whisperxOf(release)));
  });
  await part(pytorch, "PyTorch's own indexes", async () => {
    const indexes = new Map<string, Set<string>>();
    for (const file of (await pytorch.files("torch")).filter(isForLinux)) {
      const [version, local] = splitVersion(file.version);
      if (isRelease(version) && /^cu\d{3}$/.test(local ?? ""))
        indexes.set(version, (indexes.get(version) ?? new Set()).add(local!));
    }
    if (indexes.size === 0) throw new IndexProblem(`${pytorch.url} lists no CUDA build of torch`);
    stated.indexes = new Map([...indexes].map(([version, found]) => [version, [...found].sort()]));
  });
  return { stated, unchecked };
}

interface Release {
  version: string;
  files: IndexFile[];
  pythons: string[];
  /** undefined: the index gives no metadata. */
  requirements: Requirement[] | undefined;
}

/** Releases with a Linux wheel, from `oldest` on, eight asked at a time. */
async function readReleases(
  index: PackageIndex,
  project: string,
  oldest: string,
  report: { onStep: (detail: string) => void; onMissing: (missing: Unchecked) => void },
): Promise<Release[]> {
  const byVersion = new Map<string, IndexFile[]>();
  for (const file of (await index.files(project)).filter(isForLinux)) {
    const [version] = splitVersion(file.version);
    if (isRelease(version) && ge(version, oldest))
      byVersion.set(version, [...(byVersion.get(version) ?? []), file]);
  }
  if (byVersion.size === 0) throw new IndexProblem(`${index.url} lists no Linux wheel of ${project}`);
  const waiting = [...byVersion];
  const releases: Release[] = [];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [version, files] = next;
      const pythons = [...new Set(files.flatMap((file) => pythonOf(file) ?? []))].sort(byNumber);
      releases.push({ version, files, pythons, requirements: await index.requirements(files) });
      report.onStep(`${project}: ${releases.length} of ${byVersion.size} releases`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  const silent = releases.filter(({ requirements }) => !requirements).map(({ version }) => version);
  if (silent.length > 0)
    report.onMissing({
      what: `requirements of ${project} ${silent.sort((a, b) => (ge(a, b) ? 1 : -1)).join(", ")}`,
      why: `${new URL(index.url).host} gives no metadata of these wheels`,
    });
  return releases;
}

function torchOf({ pythons, requirements }: Release): StatedTorch {
  const stated: StatedTorch = { python: pythons };
  const runtime =
    exactly(requirements, /^cuda-toolkit$/) ?? exactly(requirements, /^nvidia-cuda-runtime(-cu\d+)?$/);
  const cuda = /^\d+\.\d+/.exec(runtime ?? "")?.[0];
  const [triton, cudnn, nccl] = [/^triton$/, /^nvidia-cudnn-cu\d+$/, /^nvidia-nccl-cu\d+$/].map((name) =>
    exactly(requirements, name),
  );
  return {
    ...stated,
    ...(cuda !== undefined && { cuda }),
    ...(triton !== undefined && { triton }),
    ...(cudnn !== undefined && { cudnn }),
    ...(nccl !== undefined && { nccl }),
  };
}

function whisperxOf({ version, files, requirements }: Release): [string, StatedWhisperx][] {
  if (!requirements) return [];
  const range = (name: string) => rangeOf(requirements, name);
  return [
    [
      version,
      {
        ...(files[0]?.day !== undefined && { date: files[0].day }),
        isYanked: files.every(({ isYanked }) => isYanked),
        python: files[0]?.requiresPython ?? "",
        torch: range("torch"),
        torchaudio: range("torchaudio"),
        ctranslate2: range("ctranslate2"),
        pyannoteAudio: range("pyannote-audio"),
        numpy: range("numpy"),
      },
    ],
  ];
}

/** The one version that is required, as in `torch==2.7.1`; undefined for a range, or none. */
function exactly(requirements: Requirement[] | undefined, name: string | RegExp): string | undefined {
  const found = requirements?.find((requirement) =>
    typeof name === "string" ? requirement.name === name : name.test(requirement.name),
  );
  return /^==([^,*]+)$/.exec(found?.versions ?? "")?.[1];
}

function rangeOf(requirements: Requirement[], name: string): string {
  return requirements.find((one) => one.name === name && !one.marker.includes("extra"))?.versions ?? "";
}

/** No pre-release, no development build. */
function isRelease(version: string): boolean {
  if (valid(version) === null) return false;
  const parts = explain(version);
  return parts !== null && !parts.is_prerelease && !parts.is_devrelease;
}

function byNumber(a: string, b: string): number {
  return Number(a.split(".")[1]) - Number(b.split(".")[1]);
}
