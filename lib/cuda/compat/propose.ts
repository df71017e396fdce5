import { compare } from "@renovatebot/pep440";
import type { CudaData } from "../data-schema.ts";
import type { Stated, StatedTorch, StatedWhisperx } from "./stated.ts";

type Release = CudaData["pytorchReleases"][number];

/** One fact that an index states and the data has otherwise, or not at all. */
export interface Change {
  section: "pytorchReleases" | "xformers" | "whisperx";
  /** The release, e.g. `"2.8.0"`. */
  release: string;
  property: string;
  /** undefined: the data does not have that release. */
  from?: unknown;
  to: unknown;
  /** Source that states it. */
  source: string;
}

export interface Proposal {
  changes: Change[];
  /** Facts that an index states as the data has them. */
  same: number;
  /** What a person should look at: nothing is changed for it. */
  notices: string[];
}

/** Sources that stand for what an index says. */
const sources = {
  torch: "torch-pypi",
  torchvision: "torchvision-pypi",
  torchaudio: "torchaudio-pypi",
  xformers: "xf-pypi",
  whisperx: "wx-pypi",
  indexes: "pt-indexes",
} as const;

/** Entries of the data's `sources` that a change may need and the data does not have yet. */
export const indexSources: CudaData["sources"] = {
  "pt-indexes": {
    title: "PyTorch's package indexes: the builds of torch by CUDA version",
    url: "https://download.pytorch.org/whl/torch/",
    kind: "index",
  },
};

/** Compares what indexes state with the data. Only what they state is proposed: nothing follows from it. */
export function propose(data: CudaData, stated: Stated): Proposal {
  const proposal: Proposal = { changes: [], same: 0, notices: [] };
  proposeTorch(data, stated, proposal);
  for (const [release, { requiresTorch }] of sorted(stated.xformers)) {
    const known = data.xformers.find(({ xformers }) => xformers === release);
    compareFact(proposal, known, {
      ...{ section: "xformers", release, property: "requiresTorch" },
      to: requiresTorch,
      source: sources.xformers,
    });
  }
  for (const [release, facts] of sorted(stated.whisperx)) {
    const known = data.whisperx.find(({ whisperx }) => whisperx === release);
    for (const [property, to] of Object.entries(facts) as [keyof StatedWhisperx, string | boolean][])
      compareFact(proposal, known, { section: "whisperx", release, property, to, source: sources.whisperx });
  }
  for (const [project, known] of [
    ["torch", data.pytorchReleases.map(({ torch }) => torch)],
    ["xformers", data.xformers.map(({ xformers }) => xformers)],
    ["whisperx", data.whisperx.map(({ whisperx }) => whisperx)],
  ] as const) {
    const listed = stated.releases[project];
    const gone = listed === undefined ? [] : known.filter((release) => !listed.includes(release));
    if (gone.length > 0)
      proposal.notices.push(
        `The index lists no Linux wheel of ${project} ${gone.join(", ")}, which the data has.`,
      );
  }
  return proposal;
}

function proposeTorch(data: CudaData, stated: Stated, proposal: Proposal): void {
  const releases = new Set([...(stated.torch?.keys() ?? [])]);
  const known = new Map(data.pytorchReleases.map((release) => [release.torch, release]));
  for (const release of [...releases].sort(compare)) {
    const old = known.get(release);
    const fact = (property: string, to: unknown, source: string) => {
      if (to !== undefined)
        compareFact(proposal, old, { section: "pytorchReleases", release, property, to, source });
    };
    const facts = stated.torch!.get(release)!;
    fact("python", facts.python, sources.torch);
    fact("pypiCuda", facts.cuda, sources.torch);
    fact("triton", facts.triton, sources.torch);
    for (const property of ["cudnn", "nccl"] as const)
      fact(property, withOwnIndex(old, facts, property), sources.torch);
  }
  for (const [name, pairs] of [
    ["torchvision", stated.torchvision],
    ["torchaudio", stated.torchaudio],
  ] as const)
    for (const [release, to] of sorted(pairs))
      if (known.has(release) || releases.has(release))
        compareFact(proposal, known.get(release), {
          ...{ section: "pytorchReleases", release, property: name, to },
          source: sources[name],
        });
  for (const [release, to] of sorted(stated.indexes))
    if (known.has(release) || releases.has(release))
      compareFact(proposal, known.get(release), {
        ...{ section: "pytorchReleases", release, property: "indexes", to },
        source: sources.indexes,
      });
}

/** cuDNN's or NCCL's version for PyPI's build, beside those of the other indexes that the data has. */
function withOwnIndex(
  old: Release | undefined,
  facts: StatedTorch,
  property: "cudnn" | "nccl",
): Record<string, string> | undefined {
  const version = facts[property];
  if (version === undefined || facts.cuda === undefined) return undefined;
  return { ...old?.[property], [`cu${facts.cuda.replace(".", "")}`]: version };
}

function compareFact(proposal: Proposal, known: object | undefined, change: Change): void {
  const from = (known as Record<string, unknown> | undefined)?.[change.property];
  if (known && isSame(from, change.to)) proposal.same++;
  else proposal.changes.push({ ...change, ...(known && { from: from ?? null }) });
}

function isSame(from: unknown, to: unknown): boolean {
  if (typeof from === "string" && typeof to === "string") return partsOf(from) === partsOf(to);
  if (Array.isArray(from) && Array.isArray(to)) return String([...from].sort()) === String([...to].sort());
  if (from && to && typeof from === "object" && typeof to === "object")
    return String(Object.entries(from).sort()) === String(Object.entries(to).sort());
  return from === to;
}

/** A range's parts in one order: `">=2,<3"` is `"<3,>=2"`. */
function partsOf(range: string): string {
  return range
    .split(",")
    .map((part) => part.trim())
    .sort()
    .join(",");
}

function sorted<T>(facts: Map<string, T> | undefined): [string, T][] {
  return [...(facts ?? [])].sort(([a], [b]) => compare(a, b));
}
