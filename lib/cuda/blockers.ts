import { relevantPins, withTorch } from "./candidates.ts";
import type { CudaData } from "./data-schema.ts";
import { smallestHittingSet } from "./hitting-set.ts";
import { judge } from "./judge.ts";
import { baseCandidate, nearestThatWorks, torchByDistance, type Nearest, type Search } from "./nearest.ts";
import type { Answer, Combination, Fact, HostFacts, Pin } from "./types.ts";

/** What stands in the way of a wanted change, and what would do instead. */
export interface Blockers {
  /** The smallest set of pins and settings that must move; empty where only the host is in the way, or nothing. */
  pins: Pin[];
  /** What the host itself says against it, whatever is pinned. */
  host?: string;
  /** The nearest set that works by the data; undefined where none is known. */
  nearest?: Nearest;
  /** One or two sentences for the user. */
  note: string;
}

export interface BlockerOptions {
  /** Asks a real resolver about the last candidates; undefined where it cannot say. */
  resolves?: Search["resolves"];
}

/** Facts that no setting of the stack can change. */
const ofHost = new Set(["driver", "gpuAccess", "engine", "containerToolkit"]);
const notMovable = new Set([...ofHost, "gpu", "torch's CUDA"]);
const settings = new Set(["cuda", "python", "image", "packageIndex", "cudaArchitectures"]);

/**
 * The pins that block a change, and the nearest combination that works.
 *
 * @param before what the stack is now; what differs from it is what is wanted. Undefined: the CUDA version is.
 */
export async function blockersOf(
  before: Combination | undefined,
  wanted: Combination,
  host: HostFacts,
  data: CudaData,
  options: BlockerOptions = {},
): Promise<Blockers> {
  const failing = judge(wanted, host, data).filter(({ verdict }) => verdict === "fails");
  if (failing.length === 0) return { pins: [], note: "Nothing is known that blocks it." };
  const search: Search = { before, host, data, resolves: options.resolves };
  const isWanted = wantedNames(before, wanted);
  const later = failsThen(wanted, search, isWanted);
  const pins = blockingPins([...groupsOf(failing, isWanted), ...later]);
  const nearest = await nearestThatWorks(wanted, search);
  const inTheWay = hostInTheWay(failing, wanted, search);
  return {
    pins,
    ...(inTheWay && { host: inTheWay.text }),
    ...(nearest && { nearest }),
    note: noteOf(inTheWay, pins, wanted, nearest),
  };
}

const isOfHost = ({ verdict, facts }: Answer): boolean =>
  verdict === "fails" && facts.some(({ name }) => ofHost.has(name));

/** What the host says against the wanted set, or against the wanted CUDA version on the nearest torch that has it. */
function hostInTheWay(failing: Answer[], wanted: Combination, { host, data }: Search): Answer | undefined {
  const now = failing.find(isOfHost);
  if (now) return now;
  const [torch] = torchByDistance(wanted.torch, wanted.cuda, data);
  const later = torch && withTorch({ ...wanted, pins: {} }, wanted.cuda, torch, data);
  return later ? judge(later, host, data).find(isOfHost) : undefined;
}

interface Group {
  facts: Fact[];
}

/** What each failing answer says could move: what is wanted stays, where something else can. */
function groupsOf(failing: Answer[], isWanted: Set<string>): Group[] {
  const onlyFamily = failing.every(({ rule }) => rule === "torch-family");
  return failing.flatMap(({ rule, facts }) => {
    if (facts.some(({ name }) => ofHost.has(name))) return []; // the host is in the way, no pin
    if (rule === "torch-family" && !onlyFamily) return []; // torch's own packages are locked anew with it
    const movable = facts.filter(({ name }) => !notMovable.has(name));
    const others = movable.filter(({ name }) => !isWanted.has(name));
    const chosen = others.length > 0 ? others : movable;
    return chosen.length > 0 ? [{ facts: chosen }] : [];
  });
}

/** Companions that would be in the way after torch has moved to the nearest release for the wanted CUDA version. */
function failsThen(wanted: Combination, search: Search, isWanted: Set<string>): Group[] {
  const start = { ...wanted, pins: relevantPins(wanted.pins) };
  for (const torch of torchByDistance(wanted.torch, wanted.cuda, search.data)) {
    const candidate = baseCandidate(start, wanted.cuda, torch, search);
    if (!candidate) continue;
    const failing = judge(candidate, search.host, search.data).filter(({ verdict }) => verdict === "fails");
    return groupsOf(failing, new Set([...isWanted, "torch", "packageIndex", "image", "python"]));
  }
  return [];
}

function blockingPins(groups: Group[]): Pin[] {
  const facts = new Map<string, Fact>();
  for (const fact of groups.flatMap((group) => group.facts))
    facts.set(fact.name, facts.get(fact.name) ?? fact);
  const names = groups.map((group) => group.facts.map(({ name }) => name));
  return smallestHittingSet(names, costOf).map((name) => {
    const { value, from } = facts.get(name)!;
    return { name, version: value, from };
  });
}

/** Of equally small sets the one that moves companions, then other settings, then torch. */
const costOf = (name: string) => (name === "torch" ? 100 : settings.has(name) ? 10 : 1);

/** `"2.7.1"` of `"2.7.1+cu128"`: a lock has the local part, requirements have not. */
const withoutLocal = (version: string): string => version.replace(/\+.*$/, "");

function wantedNames(before: Combination | undefined, wanted: Combination): Set<string> {
  if (!before) return new Set(["cuda"]);
  const names = new Set<string>();
  for (const name of ["cuda", "torch", "python", "packageIndex"] as const)
    if (before[name] !== wanted[name]) names.add(name);
  if (before.cudaImage !== wanted.cudaImage) names.add("image");
  if (String(before.cudaArchitectures) !== String(wanted.cudaArchitectures)) names.add("cudaArchitectures");
  const had = new Map(
    Object.values(before.pins)
      .flat()
      .map(({ name, version }) => [name, withoutLocal(version)]),
  );
  for (const { name, version } of Object.values(wanted.pins).flat())
    if (had.has(name) && had.get(name) !== withoutLocal(version)) names.add(name);
  return names;
}

function noteOf(
  host: Answer | undefined,
  pins: Pin[],
  wanted: Combination,
  nearest: Nearest | undefined,
): string {
  const parts = [
    ...(pins.length > 0
      ? [`It is blocked by ${pins.map(({ name, version }) => `${name} ${version}`).join(", ")}.`]
      : []),
    ...(host ? [`The host blocks it: ${host.text}.`] : []),
  ];
  if (!nearest) return [...parts, `No set that works is known for CUDA ${wanted.cuda}.`].join(" ");
  const changes =
    nearest.changes.map(({ name, from, to }) => `${name} ${from} → ${to}`).join(", ") || "as it is";
  const left =
    nearest.without.length > 0 ? ` without ${nearest.without.join(", ")}, which cannot follow` : "";
  const what = nearest.verdict === "works" ? "works" : "nothing is known against";
  return [...parts, `The nearest set that ${what}${left}: ${changes}.`].join(" ");
}
