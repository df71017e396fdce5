import { beyondStorage, type FormerVersion } from "../images/keep-storage.ts";
import { pathComponent } from "../images/image-reference.ts";
import type { TagLedger } from "../images/tag-ledger.ts";
import type { EngineContent } from "./content.ts";

/** What a stack keeps for going back. */
export interface StackLimits {
  /** Versions of each image, the current one included. */
  versions: number;
  /** Bytes that all former versions may take. */
  storage?: number;
  /** Hashes of versions that its settings pin images to. @default none */
  pinned?: string[];
}

/** A version that goes. */
export interface VersionRemoval {
  reference: string;
  /** Image ID. */
  id: string;
  /** Place in its image's order, infinite where it has none. */
  age: number;
  why: string;
}

/** A version that is named by the hash reference of a stack. */
interface Version extends FormerVersion {
  stack: string;
  /** Why it stays whatever its age. */
  held?: string;
}

/** A run that knows nothing of its image's order yet may still be at work on it for this long, in milliseconds. */
const youngMs = 24 * 3600_000;

/** Versions that no stack needs, those to remove first in front, and what else is to be said. */
export function planVersions(
  content: Pick<EngineContent, "images" | "layers" | "containers">,
  ledger: TagLedger,
  settings: Map<string, StackLimits>,
  now: number,
): { removals: VersionRemoval[]; notes: string[] } {
  const notes: string[] = [];
  const removals: VersionRemoval[] = [];
  const limits = limitsByComponent(ledger, settings);
  const formers = new Map<string, Version[]>();
  for (const versions of groups(content, ledger, limits, now)) {
    const { stack, repository } = versions[0]!;
    const own = limits.get(stack);
    const goes = (version: Version, why: string): void => {
      if (version.held) notes.push(`${version.reference} stays: ${version.held}`);
      else removals.push({ reference: version.reference, id: version.id, age: version.age, why });
    };
    const wanted = versions.filter(({ reference }) => !ledger.released.includes(reference));
    for (const version of versions.filter((other) => !wanted.includes(other)))
      goes(version, "its stack has given it up");
    if (wanted.length === 0) continue;
    const hasOrder = wanted.some(({ age }) => age !== Number.POSITIVE_INFINITY);
    if (!own || !hasOrder) {
      notes.push(
        `${repository}: all ${wanted.length} stay, because ${own ? "their order is not recorded here" : `nothing here says how many the stack "${stack}" keeps`}`,
      );
      continue;
    }
    wanted.forEach((version, index) => {
      if (index >= own.versions) goes(version, `beyond the last ${own.versions} (keepVersions)`);
      else if (index > 0) formers.set(stack, [...(formers.get(stack) ?? []), { ...version, age: index }]);
    });
  }
  removals.push(...beyondCeiling(content, removals, formers, limits));
  // Oldest first, so that a layer which several versions share is counted with the newest of them.
  const created = new Map(content.images.map((image) => [image.id, image.created]));
  removals.sort(
    (a, b) => (created.get(a.id) ?? 0) - (created.get(b.id) ?? 0) || (a.age === b.age ? 0 : b.age - a.age),
  );
  return { removals, notes };
}

function beyondCeiling(
  { layers, images }: Pick<EngineContent, "images" | "layers">,
  removals: VersionRemoval[],
  formers: Map<string, Version[]>,
  limits: Map<string, StackLimits>,
): VersionRemoval[] {
  const removed = new Set(removals.map(({ reference }) => reference));
  const found: VersionRemoval[] = [];
  for (const [stack, versions] of formers) {
    const storage = limits.get(stack)?.storage;
    if (storage === undefined) continue;
    const gone = new Set([...removed, ...versions.map(({ reference }) => reference)]);
    const free = versions.filter(
      ({ id, held }) => !held && images.find((image) => image.id === id)?.tags.every((tag) => gone.has(tag)),
    );
    const idsThatGo = new Set(
      images
        .filter(({ tags }) => tags.length > 0 && tags.every((tag) => removed.has(tag)))
        .map(({ id }) => id),
    );
    const rest = layers.filter(({ id }) => !idsThatGo.has(id));
    for (const reference of beyondStorage(rest, free, storage)) {
      const { id, age } = free.find((version) => version.reference === reference)!;
      found.push({ reference, id, age, why: "former versions take more than keepStorage" });
    }
  }
  return found;
}

/** Versions of each image, the current one first, then in the recorded order, those without a record last. */
function groups(
  { images, containers }: Pick<EngineContent, "images" | "containers">,
  ledger: TagLedger,
  limits: Map<string, StackLimits>,
  now: number,
): Version[][] {
  const orders = new Map(
    Object.entries(ledger.versions).map(([key, order]) => [
      `localhost:1/${key.split("/").map(pathComponent).join("/")}`,
      order,
    ]),
  );
  const byRepository = new Map<string, Version[]>();
  const pinned = new Set(Object.values(ledger.pins));
  for (const { id, tags, created, named } of images) {
    for (const reference of tags) {
      const [, repository, stack] = /^(localhost:1\/([^/]+)\/[^/:]+):[^/]+$/.exec(reference) ?? [];
      if (repository === undefined || stack === undefined) continue;
      const index = orders.get(repository)?.indexOf(reference) ?? -1;
      const others = tags.filter((tag) => !tag.startsWith("localhost:1/"));
      const users = containers
        .filter(({ image }) => image === id)
        .map(({ name, state }) => `${name} (${state})`);
      const held =
        users.length > 0
          ? `used by ${users.join(", ")}`
          : others.length > 0
            ? `it is also ${others.join(", ")}`
            : pinned.has(reference) || limits.get(stack)?.pinned?.includes(reference.slice(-16))
              ? "its stack is pinned to it"
              : index < 0 && orders.has(repository) && now - named < youngMs
                ? "it is new, and its run may not have ended"
                : undefined;
      const version: Version = {
        reference,
        repository,
        stack,
        id,
        created,
        age: index < 0 ? Number.POSITIVE_INFINITY : index,
        ...(held && { held }),
      };
      byRepository.set(repository, [...(byRepository.get(repository) ?? []), version]);
    }
  }
  return [...byRepository.values()].map((versions) =>
    versions.sort((a, b) => (a.age === b.age ? b.created - a.created : a.age - b.age)),
  );
}

/** By the stack's part of a reference. The settings of this clone come first, then what a stack's last run recorded. */
function limitsByComponent(ledger: TagLedger, settings: Map<string, StackLimits>): Map<string, StackLimits> {
  const all = [...Object.entries(ledger.keeps), ...settings];
  return new Map(all.map(([stack, limits]) => [pathComponent(stack), limits]));
}
