import { changesBetween, relevantPins, withCompanion, withTorch, type Change } from "./candidates.ts";
import { companionVersions } from "./companions.ts";
import type { CudaData } from "./data-schema.ts";
import { judge, verdictOf } from "./judge.ts";
import type { Answer, Combination, HostFacts, Verdict } from "./types.ts";
import { compareVersions, indexOfCuda } from "./versions.ts";

/** A combination that works by the data, as the changes that lead to it. */
export interface Nearest {
  changes: Change[];
  /** `unknown`: nothing is known against it, but not everything is known. */
  verdict: Verdict;
  combination: Combination;
}

/** Combinations that are judged at most: a second of work is far away. */
const budget = 1_500;
/** A real resolver is slow: it is asked about so many. */
const asked = 3;
/** What is not known of a host does not speak against a set of pins. */
const aboutHost = /^(driver-|container-|gpu-|ptx-|architectures-cover-host|base-image|known-)/;

/**
 * The combination nearest to a wanted one that does not fail: the wanted CUDA version with the nearest torch that is built for
 * it and companions that go with that torch; where there is none, another CUDA version.
 */
export async function nearestThatWorks(
  wanted: Combination,
  host: HostFacts,
  data: CudaData,
  resolves?: (combination: Combination) => Promise<boolean | undefined>,
): Promise<Nearest | undefined> {
  const start = { ...wanted, pins: relevantPins(wanted.pins) };
  const search: Search = { host, data, left: budget };
  let questions = resolves ? asked : 0;
  for (const cuda of cudaByDistance(wanted.cuda, data)) {
    let second: Nearest | undefined;
    for (const torch of torchByDistance(wanted.torch, cuda, data)) {
      const candidate = withTorch(start, cuda, torch, data);
      const found = candidate && repair(candidate, search, 0);
      if (!found) continue;
      const nearest = { ...found, changes: changesBetween(start, found.combination) };
      const isKnown = found.answers.every(
        ({ verdict, rule }) => verdict !== "unknown" || aboutHost.test(rule),
      );
      if (isKnown && !(await isRefused(nearest.combination))) return pick(nearest);
      if (!isKnown) second ??= nearest;
    }
    if (second && !(await isRefused(second.combination))) return pick(second);
  }
  return undefined;

  async function isRefused(combination: Combination): Promise<boolean> {
    if (!resolves || questions <= 0) return false;
    questions--;
    return (await resolves(combination)) === false;
  }
}

const pick = ({ changes, verdict, combination }: Nearest): Nearest => ({ changes, verdict, combination });

interface Search {
  host: HostFacts;
  data: CudaData;
  left: number;
}

interface Found {
  combination: Combination;
  answers: Answer[];
  verdict: Verdict;
}

/** Moves companions, one after the other, until nothing fails; the first answer that fails says which. */
function repair(combination: Combination, search: Search, depth: number): Found | undefined {
  if (search.left-- <= 0) return undefined;
  const answers = judge(combination, search.host, search.data);
  const failing = answers.filter(({ verdict }) => verdict === "fails");
  if (failing.length === 0) return { combination, answers, verdict: verdictOf(answers) };
  if (depth > 6) return undefined;
  const companions = failing.map((answer) => ({
    answer,
    names: answer.facts
      .map(({ name }) => name)
      .filter((name) => companionVersions(name, search.data).length > 0),
  }));
  if (companions.some(({ names }) => names.length === 0)) return undefined; // host or base: no companion helps
  const { answer, names } = companions[0]!;
  for (const name of names) {
    const current = answer.facts.find((fact) => fact.name === name)!.value;
    for (const version of companionVersions(name, search.data, current)) {
      const changed = withCompanion(combination, name, version);
      if (!changed || search.left <= 0) continue;
      const still = judge(changed, search.host, search.data).some(
        (other) =>
          other.verdict === "fails" &&
          other.rule === answer.rule &&
          other.facts.some((fact) => fact.name === name),
      );
      search.left--;
      if (still) continue;
      const found = repair(changed, search, depth + 1);
      if (found) return found;
    }
  }
  return undefined;
}

/** The wanted CUDA version, then the others that torch is built for, the nearest first. */
function cudaByDistance(wanted: string, data: CudaData): string[] {
  const ordered = data.cudaToolkits.map(({ version }) => version).sort(compareVersions);
  return byDistance(
    ordered.filter(
      (cuda) =>
        cuda === wanted || data.pytorchReleases.some((row) => row.indexes?.includes(indexOfCuda(cuda))),
    ),
    wanted,
  );
}

function torchByDistance(wanted: string, cuda: string, data: CudaData): string[] {
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
