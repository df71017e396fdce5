import { changesBetween, relevantPins, withCompanion, withTorch, type Change } from "./candidates.ts";
import { companionVersions } from "./companions.ts";
import type { CudaData } from "./data-schema.ts";
import { judge, judgePackages, verdictOf } from "./judge.ts";
import type { Answer, Combination, HostFacts, Pin, Verdict } from "./types.ts";
import { compareVersions, indexOfCuda } from "./versions.ts";

/** A combination that works by the data, as the changes that lead to it. */
export interface Nearest {
  changes: Change[];
  /** Images that cannot follow: no release of what they pin fits. Empty: all can. */
  without: string[];
  /** `unknown`: nothing is known against it, but not everything is known. */
  verdict: Verdict;
  combination: Combination;
}

/** Combinations that are judged at most: bounds the time. */
const budget = 1_000;
/** A real resolver is slow: it is asked about so many. */
const asked = 3;
/** What is not known of a host does not speak against a set of pins. */
const aboutHost = /^(driver-|container-|gpu-|ptx-|architectures-cover-host|base-image|known-)/;

export interface Search {
  before?: Combination;
  host: HostFacts;
  data: CudaData;
  /** Whether the packages go together, asked of a real resolver; of images that are left out it asks nothing. */
  resolves?: (combination: Combination, without: string[]) => Promise<boolean | undefined>;
}

/**
 * The combination nearest to a wanted one that does not fail: the wanted CUDA version with the nearest torch that is built for
 * it, and in every image companions that go with that torch. Where a host does not run that CUDA version, the nearest other one.
 */
export async function nearestThatWorks(wanted: Combination, search: Search): Promise<Nearest | undefined> {
  const start = { ...wanted, pins: relevantPins(wanted.pins) };
  const limit = { left: budget };
  let questions = search.resolves ? asked : 0;
  for (const cuda of cudaByDistance(wanted.cuda, search.data)) {
    const found: Found[] = [];
    for (const [far, torch] of torchByDistance(wanted.torch, cuda, search.data).entries()) {
      const candidate = baseCandidate(start, cuda, torch, search);
      if (candidate) found.push({ far, ...follow(candidate, search, limit) });
      if (found.at(-1)?.without.length === 0 && found.at(-1)?.unknown === 0 && !search.resolves) break;
    }
    found.sort((a, b) => a.without.length - b.without.length || a.unknown - b.unknown || a.far - b.far);
    for (const { combination, without } of found) {
      if (questions > 0) {
        questions--;
        if ((await search.resolves!(combination, without)) === false) continue;
      }
      const verdict = verdictOf(judge(combination, search.host, search.data));
      return { changes: changesBetween(start, combination), without, verdict, combination };
    }
  }
  return undefined;
}

interface Found {
  combination: Combination;
  without: string[];
  /** Answers about its packages that nobody knows. */
  unknown: number;
  far: number;
}

/** The combination on another torch, if the base alone runs there; undefined where it is what the stack was before. */
export function baseCandidate(
  wanted: Combination,
  cuda: string,
  torch: string,
  { before, host, data }: Search,
): Combination | undefined {
  const isChange = before && (before.cuda !== wanted.cuda || before.torch !== wanted.torch);
  if (isChange && before.cuda === cuda && before.torch === torch) return undefined;
  const candidate = withTorch(wanted, cuda, torch, data);
  if (!candidate) return undefined;
  const base = judge({ ...candidate, pins: {} }, host, data);
  return base.some(({ verdict }) => verdict === "fails") ? undefined : candidate;
}

/** Every image by itself, since images share torch and nothing else: with companions that fit, or left out. */
function follow(candidate: Combination, search: Search, limit: { left: number }) {
  const pins: Combination["pins"] = {};
  const without: string[] = [];
  let unknown = 0;
  for (const [image, own] of Object.entries(candidate.pins)) {
    const found = repair(image, { ...candidate, pins: { [image]: own } }, search, limit, 0);
    if (found) {
      pins[image] = found.pins;
      unknown += found.unknown;
    } else without.push(image);
  }
  return { combination: { ...candidate, pins }, without, unknown };
}

/** Moves an image's companions, one after the other, until nothing fails; the first answer that fails says which. */
function repair(
  image: string,
  combination: Combination,
  search: Search,
  limit: { left: number },
  depth: number,
): { pins: Pin[]; unknown: number } | undefined {
  const answers = ask(combination, search, limit);
  const failing = answers.filter(({ verdict }) => verdict === "fails");
  if (failing.length === 0)
    return {
      pins: combination.pins[image]!,
      unknown: answers.filter(({ verdict, rule }) => verdict === "unknown" && !aboutHost.test(rule)).length,
    };
  if (depth > 5) return undefined;
  // What has the fewest ways out first: where one answer has none, the image cannot follow.
  let fewest: Combination[] | undefined;
  for (const answer of failing) {
    const ways = waysOutOf(answer, combination, search, limit);
    if (!fewest || ways.length < fewest.length) fewest = ways;
    if (ways.length === 0) break;
  }
  for (const changed of fewest!) {
    const found = repair(image, changed, search, limit, depth + 1);
    if (found) return found;
  }
  return undefined;
}

/** The combinations with one companion moved in which an answer no longer fails, the nearest versions first. */
function waysOutOf(
  answer: Answer,
  combination: Combination,
  search: Search,
  limit: { left: number },
): Combination[] {
  return answer.facts.flatMap(({ name, value }) =>
    companionVersions(name, search.data, value).flatMap((version) => {
      const changed = limit.left > 0 && withCompanion(combination, name, version);
      return changed && !ask(changed, search, limit).some((other) => isStill(other, answer, name))
        ? [changed]
        : [];
    }),
  );
}

function ask(combination: Combination, { host, data }: Search, limit: { left: number }): Answer[] {
  limit.left--;
  return judgePackages(combination, host, data);
}

const isStill = (other: Answer, answer: Answer, name: string) =>
  other.verdict === "fails" && other.rule === answer.rule && other.facts.some((fact) => fact.name === name);

/** The wanted CUDA version, then the others that torch is built for, the nearest first. */
function cudaByDistance(wanted: string, data: CudaData): string[] {
  const isBuiltFor = (cuda: string) =>
    data.pytorchReleases.some((row) => row.indexes?.includes(indexOfCuda(cuda)));
  const known = data.cudaToolkits.map(({ version }) => version).sort(compareVersions);
  return byDistance(
    known.filter((cuda) => cuda === wanted || isBuiltFor(cuda)),
    wanted,
  );
}

/** Releases of torch for a CUDA version, the nearest first. */
export function torchByDistance(wanted: string, cuda: string, data: CudaData): string[] {
  const rows = data.pytorchReleases.filter(
    (row) => row.pypiCuda === cuda || row.indexes?.includes(indexOfCuda(cuda)) === true,
  );
  return byDistance(rows.map(({ torch }) => torch).sort(compareVersions), wanted);
}

/** Ordered versions by how many lie between them and the wanted one; of two equally far the newer one. */
function byDistance(ordered: string[], wanted: string): string[] {
  const at = ordered.filter((version) => compareVersions(version, wanted) < 0).length;
  const isThere = ordered[at] === wanted;
  const distance = (index: number) =>
    isThere ? Math.abs(index - at) : index < at ? at - index : index - at + 1;
  return ordered
    .map((version, index) => ({ version, index, far: distance(index) }))
    .sort((a, b) => a.far - b.far || b.index - a.index)
    .map(({ version }) => version);
}
