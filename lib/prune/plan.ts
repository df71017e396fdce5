import prettyBytes from "pretty-bytes";
import { bytesByRemoval } from "../docker/layers.ts";
import type { TagLedger } from "../images/tag-ledger.ts";
import {
  cacheMount,
  planCacheRemoval,
  recordsOfLayers,
  sumOf,
  withDescendants,
  type CacheLimits,
  type CacheRecord,
} from "./build-cache.ts";
import type { EngineContent } from "./content.ts";
import { planVersions, type StackLimits, type VersionRemoval } from "./versions.ts";

/** One thing that goes. */
export interface PruneItem {
  kind: "image" | "build cache" | "volume";
  name: string;
  /** What the disk gets back for it when all items go, in the order of the list. */
  bytes: number;
  why: string;
}

/** What a prune removes, and what it leaves and why. */
export interface PrunePlan {
  items: PruneItem[];
  /** Sum over the items. */
  bytes: number;
  /** The most that is freed: which steps of the build cache stand on removed layers is partly known only once these are gone. */
  atMostBytes: number;
  /** Whether that is known to the byte. */
  isExact: boolean;
  /** What stays although somebody might expect it to go. */
  notes: string[];
  versions: VersionRemoval[];
  /** Records by age and size; those of removed layers are known for sure only once the images are gone. */
  records: CacheRecord[];
  volumes: string[];
}

export interface PruneOptions extends CacheLimits {
  /** What each stack of this clone keeps, by its name. */
  settings: Map<string, StackLimits>;
  /** Stacks that Pulumi has a state of, as far as can be seen from here. */
  stacksWithState: Set<string>;
  /** Also remove volumes of stacks that are gone. */
  volumes: boolean;
  /** Milliseconds since 1970. */
  now: number;
}

/** Works out what no stack needs. Pure: the same facts give the same plan. */
export function planPrune(content: EngineContent, ledger: TagLedger, options: PruneOptions): PrunePlan {
  const { removals, notes } = planVersions(content, ledger, options.settings, options.now);
  const goingIds = idsThatGo(content, removals);
  const bytes = bytesByRemoval(content.layers, goingIds);
  const lastName = new Map(removals.map(({ id, reference }) => [id, reference]));
  const images = removals.map(({ reference, id, why }): PruneItem => ({
    kind: "image",
    name: reference,
    bytes: lastName.get(id) === reference ? (bytes.get(id) ?? 0) : 0,
    why,
  }));
  const orphans = recordsOfLayers(content.cache, content.layers, new Set(goingIds));
  const removal = planCacheRemoval(content.cache, orphans.sure, options, options.now);
  const orphaned = removal.orphaned.filter(({ shared }) => !shared); // the others are the layers themselves
  const records = [...orphaned, ...removal.old, ...removal.beyondSize];
  const volumes = volumeItems(content, ledger, options);
  const items = [
    ...images,
    // What these share with the images is counted there.
    ...cacheItems(
      orphaned.filter(({ shared }) => !shared),
      "on layers that no image has any more",
    ),
    ...cacheItems(
      removal.old,
      options.olderThan > 0 ? `not used for ${daysOf(options.olderThan)}` : "not in use",
    ),
    ...cacheItems(removal.beyondSize, "the build cache is over its size"),
    ...(options.volumes ? volumes : []),
  ];
  if (!options.volumes)
    notes.push(
      ...volumes.map(
        ({ name, bytes: size, why }) =>
          `volume ${name} (${prettyBytes(size)}) stays: ${why}; --volumes removes it`,
      ),
    );
  notes.push(...namelessNote(content, goingIds));
  const sum = items.reduce((total, item) => total + item.bytes, 0);
  return {
    items,
    bytes: sum,
    atMostBytes: sum + sumOf(standingOn(orphans.unsure, content.cache, records)),
    isExact: content.isExact,
    notes,
    versions: removals,
    records,
    volumes: options.volumes ? volumes.map(({ name }) => name) : [],
  };
}

/** Records of their own that stand on these, and are not in the plan yet. */
function standingOn(ids: Set<string>, records: CacheRecord[], planned: CacheRecord[]): CacheRecord[] {
  const above = withDescendants(records, ids);
  return records.filter((record) => above.has(record.id) && !record.shared && !planned.includes(record));
}

/** Images that lose their last name, in the order in which they do. */
function idsThatGo({ images }: EngineContent, removals: VersionRemoval[]): string[] {
  const removed = new Set(removals.map(({ reference }) => reference));
  const going = new Set(
    images.filter(({ tags }) => tags.every((tag) => removed.has(tag))).map(({ id }) => id),
  );
  const last = new Map(removals.map(({ id, reference }) => [id, reference]));
  return removals
    .filter(({ id, reference }) => going.has(id) && last.get(id) === reference)
    .map(({ id }) => id);
}

const kinds: Record<string, string> = {
  [cacheMount]: "cache mounts",
  "source.local": "build contexts",
  "source.git.checkout": "git checkouts",
};

function cacheItems(records: CacheRecord[], why: string): PruneItem[] {
  const byKind = new Map<string, CacheRecord[]>();
  for (const record of records) {
    const kind = kinds[record.type] ?? "build steps";
    byKind.set(kind, [...(byKind.get(kind) ?? []), record]);
  }
  return [...byKind].map(([kind, found]) => ({
    kind: "build cache",
    name: `${kind}: ${found.length}`,
    bytes: sumOf(found),
    why,
  }));
}

/** Volumes of stacks of which nothing else is left. */
function volumeItems(content: EngineContent, ledger: TagLedger, options: PruneOptions): PruneItem[] {
  const inLedger = [
    ...Object.keys(ledger.versions).map((key) => key.split("/")[0]),
    ...Object.values(ledger.tags).map(({ stack }) => stack),
  ];
  return content.volumes
    .filter(({ stack, inUse }) => !inUse && !options.stacksWithState.has(stack) && !inLedger.includes(stack))
    .map(({ name, stack, bytes }) => ({
      kind: "volume",
      name,
      bytes,
      why: `the stack "${stack}" has neither containers nor images nor a state here`,
    }));
}

/** What plain Docker could remove further: images without a name are nobody's that we know. */
function namelessNote(content: EngineContent, goingIds: string[]): string[] {
  const used = new Set(content.containers.map(({ image }) => image));
  const nameless = content.images
    .filter(({ id, tags }) => tags.length === 0 && !used.has(id))
    .map(({ id }) => id);
  if (nameless.length === 0) return [];
  const rest = content.layers.filter(({ id }) => !goingIds.includes(id));
  const bytes = [...bytesByRemoval(rest, nameless).values()].reduce((sum, size) => sum + size, 0);
  return [
    `${nameless.length} ${nameless.length === 1 ? "image" : "images"} without a name (${prettyBytes(bytes)}) may be somebody's: docker image prune removes them`,
  ];
}

function daysOf(milliseconds: number): string {
  const days = milliseconds / 86_400_000;
  return days >= 1
    ? `${Math.round(days * 10) / 10} days`
    : `${Math.round(milliseconds / 36_000) / 100} hours`;
}
