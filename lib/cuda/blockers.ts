import type { CudaData } from "./data-schema.ts";
import { smallestHittingSet } from "./hitting-set.ts";
import { judge } from "./judge.ts";
import { nearestThatWorks, type Nearest } from "./nearest.ts";
import type { Answer, Combination, Fact, HostFacts, Pin } from "./types.ts";

/** What stands in the way of a wanted change, and what would do instead. */
export interface Blockers {
  /** The smallest set of pins and settings that must move; empty where only the host is in the way, or nothing. */
  pins: Pin[];
  /** The nearest set that works by the data; undefined where none is known. */
  nearest?: Nearest;
  /** One sentence for the user. */
  note: string;
}

export interface BlockerOptions {
  /** Asks a real resolver about the last candidates; undefined where it cannot say. */
  resolves?: (combination: Combination) => Promise<boolean | undefined>;
}

/** Facts that no setting of the stack can change. */
const hostFacts = new Set([
  "driver",
  "gpu",
  "gpuAccess",
  "engine",
  "containerToolkit",
  "torch's CUDA on PyPI",
]);

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
  const pins = blockingPins(before, wanted, failing);
  const nearest = await nearestThatWorks(wanted, host, data, options.resolves);
  return { pins, ...(nearest && { nearest }), note: noteOf(failing, pins, wanted, nearest) };
}

function blockingPins(before: Combination | undefined, wanted: Combination, failing: Answer[]): Pin[] {
  const isWanted = wantedNames(before, wanted);
  const facts = new Map<string, Fact>();
  const groups = failing.map((answer) => {
    const movable = answer.facts.filter(({ name }) => !hostFacts.has(name));
    for (const fact of movable) facts.set(fact.name, facts.get(fact.name) ?? fact);
    const others = movable.filter(({ name }) => !isWanted.has(name));
    return (others.length > 0 ? others : movable).map(({ name }) => name);
  });
  return smallestHittingSet(groups, (name) => costOf(name, isWanted)).map((name) => {
    const { value, from } = facts.get(name)!;
    return { name, version: value, from };
  });
}

/** Companions move before the other settings, those before torch, and what is wanted last. */
function costOf(name: string, isWanted: Set<string>): number {
  if (isWanted.has(name)) return 1_000;
  if (name === "torch") return 100;
  return settings.has(name) ? 10 : 1;
}

const settings = new Set(["cuda", "python", "image", "packageIndex", "cudaArchitectures"]);

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
      .map(({ name, version }) => [name, version]),
  );
  for (const { name, version } of Object.values(wanted.pins).flat())
    if (had.has(name) && had.get(name) !== version) names.add(name);
  return names;
}

function noteOf(failing: Answer[], pins: Pin[], wanted: Combination, nearest: Nearest | undefined): string {
  const what = pins.map(({ name, version }) => `${name} ${version}`).join(", ");
  const blocked = what === "" ? `The host blocks it: ${failing[0]!.text}.` : `It is blocked by ${what}.`;
  if (!nearest) return `${blocked} No set that works is known for CUDA ${wanted.cuda}.`;
  const changes = nearest.changes.map(({ name, from, to }) => `${name} ${from} → ${to}`).join(", ");
  return `${blocked} The nearest set that ${nearest.verdict === "works" ? "works" : "nothing is known against"}: ${changes}.`;
}
