import type { BillFacts } from "./facts.ts";
import { minutesOf } from "./minutes.ts";
import { aptCost, aptListsOnDisk, type AptCost } from "./apt-cost.ts";
import type { BuildNote } from "./build-notes.ts";
import { packagesIn, type WantedPackage } from "./packages.ts";
import { sharedWith } from "./shared.ts";
import { stepsToRun, type RunningStep } from "./steps-to-run.ts";
import type { Bill, BillPart } from "./types.ts";
import { layerRatio, unpackedBytes } from "./unpacked.ts";

/** Adds it all up. */
export function makeBill(facts: BillFacts): Bill {
  const running = stepsToRun(facts.images, facts, (step) => packagesIn(step, facts.packages));
  const fetch = fetchParts(facts, running);
  const disk = diskParts(facts, running);
  const diskBytes = sum(disk);
  const available = facts.room?.free ?? null;
  const left = available === null ? null : available - diskBytes;
  const held = running.reduce((sum, { heldBefore }) => sum + heldBefore, 0);
  return {
    fetch: {
      bytes: sum(fetch),
      parts: fetch,
      unknown: [...unknownOf(fetch), ...facts.problems],
      held,
      fromCache: facts.bases.reduce((total, base) => total + (base.fromCache ?? 0), 0),
    },
    disk: {
      bytes: diskBytes,
      parts: disk,
      unknown: unknownOf(disk),
      available,
      left,
      fits: left === null || left >= 0,
    },
    minutes: minutesOf(facts, running, sum(fetch), diskBytes),
    shared: sharedWith(facts, running),
    basis: facts.basis,
  };
}

function fetchParts(facts: BillFacts, running: RunningStep[]): BillPart[] {
  const parts = baseParts(facts);
  const seen = new Set<string>();
  for (const { image, step, fetched, fetchesApt } of running) {
    if (step.locks.length > 0 || step.pins.length > 0) parts.push(...packageParts(image, fetched));
    if (fetchesApt) {
      const cost = aptCost(step.text, facts.notes, seen);
      parts.push({
        what: `packages of the distribution for ${image}`,
        bytes: cost.fetched,
        why: cost.why,
        kind: "system packages",
        images: [image],
      });
    }
    for (const address of step.remotes) {
      const bytes = facts.remotes.get(address) ?? null;
      const why = bytes === null ? "its server does not say how much it is" : "its server says so";
      parts.push({ what: address, bytes, why, kind: "other", images: [image] });
    }
  }
  parts.push(...facts.pages);
  return parts.filter(({ bytes }) => bytes !== 0);
}

function baseParts({ bases }: BillFacts): BillPart[] {
  return bases.map((base) => ({
    what: base.name,
    bytes: base.outside,
    why: base.why,
    kind: "layers" as const,
    images: base.images,
  }));
}

/** One part for what is known together, one for what is not. */
function packageParts(image: string, fetched: WantedPackage[]): BillPart[] {
  const known = fetched.filter(({ bytes }) => bytes !== undefined);
  const unknown = fetched.filter(({ bytes }) => bytes === undefined);
  const common = { kind: "packages" as const, images: [image] };
  return [
    ...(known.length > 0
      ? [{ what: nameOf(known), bytes: total(known), why: "sizes written down with the lock", ...common }]
      : []),
    ...(unknown.length > 0
      ? [
          {
            what: nameOf(unknown),
            bytes: null,
            why: "no size is written down, and the index did not say",
            ...common,
          },
        ]
      : []),
  ];
}

/** The two largest by name, e.g. `"torch 2.8.0, triton 3.4.0 and 3 more"`. */
function nameOf(packages: WantedPackage[]): string {
  const largest = [...packages].sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0)).slice(0, 2);
  const names = largest.map(({ name, version }) =>
    version.startsWith(name.slice(0, 4)) ? version : `${name} ${version}`,
  );
  const more = packages.length - largest.length;
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function diskParts(facts: BillFacts, running: RunningStep[]): BillPart[] {
  const parts: BillPart[] = facts.bases.map((base) => ({
    what: base.name,
    bytes: base.missing === undefined ? null : Math.round(base.missing * layerRatio),
    why: base.missing === undefined ? base.why : "packed layers, unpacked",
    kind: "layers" as const,
    images: base.images,
  }));
  const seen = new Set<string>();
  for (const one of running) {
    const { image, step } = one;
    const apt = step.apt ? aptCost(step.text, facts.notes, seen) : undefined;
    const common = { kind: kindOf(step), images: [image] };
    const layer = layerOf(one, facts.notes, apt);
    const what = `layer ${shortText(step.text)}`;
    if (layer.bytes !== 0) parts.push({ what, ...layer, ...common });
    if (one.fetchesApt && apt?.fetched)
      parts.push({
        what: "cache mount of apt",
        bytes: apt.fetched + (one.beginsApt ? aptListsOnDisk : 0),
        why: "packages kept for later builds",
        ...common,
      });
    if (one.mount === undefined) continue;
    if (layer.bytes !== null && one.fetched.some(({ bytes }) => bytes === undefined))
      parts.push({
        what: `${what}: packages of unknown size`,
        bytes: null,
        why: "no size is known",
        ...common,
      });
    const kept = one.fetched.filter(({ bytes }) => bytes !== undefined);
    const unpacks = one.mount.endsWith("/uv");
    const grown = kept.reduce(
      (all, { name, bytes }) => all + (unpacks ? unpackedBytes(name, bytes!).files : bytes!),
      0,
    );
    if (grown > 0)
      parts.push({
        what: `cache mount ${one.mount}`,
        bytes: grown,
        why: "wheels kept for later builds",
        ...common,
      });
  }
  return parts.filter(({ bytes }) => bytes !== 0);
}

/** Bytes of a step's layer: as an earlier build had them, else from what it installs. */
function layerOf(
  { step, fetched, held }: RunningStep,
  notes: BuildNote[],
  apt: AptCost | undefined,
): { bytes: number | null; why: string } {
  const steps = notes.flatMap((note) => note.steps).reverse();
  const same = steps.find(({ work, bytes }) => work === step.work && bytes !== undefined);
  if (same) return { bytes: same.bytes!, why: "as in an earlier build" };
  const packages = [...fetched, ...held];
  if (packages.length > 0) {
    if (
      packages.some(({ bytes }) => bytes === undefined) &&
      packages.every(({ bytes }) => bytes === undefined)
    )
      return { bytes: null, why: "sizes of its packages are unknown" };
    const bytes = packages.reduce((all, one) => all + unpackedBytes(one.name, one.bytes ?? 0).installed, 0);
    return { bytes, why: "its packages, unpacked" };
  }
  const alike = steps.find(({ text, bytes }) => text === step.text && bytes !== undefined);
  if (alike) return { bytes: alike.bytes!, why: "as in an earlier build of the like" };
  if (apt) return { bytes: apt.unpacked, why: apt.why };
  return { bytes: 0, why: "" }; // files of the project and the like: small
}

function kindOf({ locks, pins, apt }: RunningStep["step"]): BillPart["kind"] {
  return locks.length + pins.length > 0 ? "packages" : apt ? "system packages" : "other";
}

function shortText(text: string): string {
  const plain = text.replace(/^RUN if \[[^;]*;.*? fi && /, "RUN ").replace(/\s+/g, " ");
  return plain.length <= 60 ? plain : `${plain.slice(0, 59)}…`;
}

function total(packages: WantedPackage[]): number {
  return packages.reduce((all, { bytes = 0 }) => all + bytes, 0);
}

function sum(parts: BillPart[]): number {
  return parts.reduce((all, { bytes }) => all + (bytes ?? 0), 0);
}

function unknownOf(parts: BillPart[]): string[] {
  return parts.filter(({ bytes }) => bytes === null).map(({ what, why }) => `${what}: ${why}`);
}
