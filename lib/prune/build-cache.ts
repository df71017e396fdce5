import type { LayeredImage } from "../docker/layers.ts";

/** One record of BuildKit's cache: a step's result, a cache mount, a copy of a context. */
export interface CacheRecord {
  id: string;
  parents: string[];
  /** BuildKit's word, e.g. `"regular"`, `"exec.cachemount"`, `"source.local"`. */
  type: string;
  bytes: number;
  /** A build or a younger record that is in use needs it. */
  inUse: boolean;
  /** An image has the same layer: the record costs nothing as long as the image is there. */
  shared: boolean;
  /** Milliseconds since 1970. */
  lastUsed: number;
  /** Milliseconds since 1970. */
  created?: number;
  /** BuildKit's words, e.g. `"mount / from exec /bin/sh -c make"` or `"cached mount /root/.cache/uv from exec …"`. */
  description?: string;
}

/** What of the build cache stays. */
export interface CacheLimits {
  /** Milliseconds: what was used since then stays, whatever its size allows. Does not hold for cache mounts. */
  olderThan: number;
  /** Bytes that the cache may take beside the images. */
  keepBytes: number;
}

/** Records that go, by reason. */
export interface CacheRemoval {
  /** They stand on layers that no image will have any more. */
  orphaned: CacheRecord[];
  /** They were not used for long. */
  old: CacheRecord[];
  /** They are what is over the size, those not used for longest first. */
  beyondSize: CacheRecord[];
}

/** What a build leaves that no prune without `--all` takes: front ends, and BuildKit's own. */
const untouched = new Set(["internal", "frontend"]);

/** Type of a cache mount such as pip's downloads. */
export const cacheMount = "exec.cachemount";

/** Records that go, by age and size, and those that stand on `orphans`. A record that another one needs never goes without it. */
export function planCacheRemoval(
  records: CacheRecord[],
  orphans: Set<string>,
  limits: CacheLimits,
  now: number,
): CacheRemoval {
  const children = childrenOf(records);
  const gone = new Set<string>();
  const isFree = (record: CacheRecord): boolean => !record.inUse && !untouched.has(record.type);
  /** Takes a record if everything that stands on it is gone or goes with it. */
  const take = (record: CacheRecord, may: (record: CacheRecord) => boolean): CacheRecord[] => {
    if (gone.has(record.id) || !isFree(record) || !may(record)) return [];
    const taken = (children.get(record.id) ?? []).flatMap((child) => take(child, may));
    if ((children.get(record.id) ?? []).some(({ id }) => !gone.has(id))) return taken;
    gone.add(record.id);
    return [...taken, record];
  };
  const within = withDescendants(records, orphans);
  const orphaned = records
    .filter(({ id }) => orphans.has(id))
    .flatMap((record) => take(record, ({ id }) => within.has(id)));
  const isOld = (record: CacheRecord): boolean =>
    record.type !== cacheMount && !record.shared && record.lastUsed < now - limits.olderThan;
  const old = records.flatMap((record) => take(record, isOld));
  const beyondSize: CacheRecord[] = [];
  const left = records.filter(({ id, shared }) => !shared && !gone.has(id));
  let bytes = left.reduce((sum, record) => sum + record.bytes, 0);
  const byUse = [...left].sort((a, b) => rank(a) - rank(b) || a.lastUsed - b.lastUsed);
  const isLeaf = ({ id }: CacheRecord): boolean =>
    (children.get(id) ?? []).every((child) => gone.has(child.id));
  while (bytes > limits.keepBytes) {
    const next = byUse.find((record) => !gone.has(record.id) && isFree(record) && isLeaf(record));
    if (!next) break;
    gone.add(next.id);
    bytes -= next.bytes;
    beyondSize.push(next);
  }
  return { orphaned, old, beyondSize };
}

/** Cache mounts go last: they hold downloads. */
function rank(record: CacheRecord): number {
  return record.type === cacheMount ? 1 : 0;
}

export function sumOf(records: CacheRecord[]): number {
  return records.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** These records and all that stand on them. */
export function withDescendants(records: CacheRecord[], ids: Set<string>): Set<string> {
  const children = childrenOf(records);
  const found = new Set<string>();
  const queue = [...ids];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    queue.push(...(children.get(id) ?? []).map((child) => child.id));
  }
  return found;
}

function childrenOf(records: CacheRecord[]): Map<string, CacheRecord[]> {
  const children = new Map<string, CacheRecord[]>();
  for (const record of records)
    for (const parent of record.parents) {
      const known = children.get(parent);
      if (known) known.push(record);
      else children.set(parent, [record]);
    }
  return children;
}

/**
 * Shared records whose layers only the removed images have. The engine does not say which record is which layer. Both are
 * chains, and the sizes along them tell; only a record that came from an image, not from a build, has size 0 for whatever
 * the layer has.
 * @returns records that are surely such, and those that may as well be a layer of an image that stays
 */
export function recordsOfLayers(
  records: CacheRecord[],
  images: LayeredImage[],
  removed: Set<string>,
): { sure: Set<string>; unsure: Set<string> } {
  const staying = images.filter(({ id }) => !removed.has(id));
  const keptChains = new Set(staying.flatMap(({ layers }) => layers.map(({ chain }) => chain)));
  const kept = sizesByDepth(staying, () => true);
  const gone = sizesByDepth(
    images.filter(({ id }) => removed.has(id)),
    (chain) => !keptChains.has(chain),
  );
  const byId = new Map(records.map((record) => [record.id, record]));
  const matches = (sizes: number[], layers: Map<number, number[][]>): boolean =>
    (layers.get(sizes.length) ?? []).some((other) =>
      sizes.every((bytes, index) => bytes === 0 || bytes === other[index]),
    );
  const found = { sure: new Set<string>(), unsure: new Set<string>() };
  for (const record of records) {
    const sizes = record.shared ? sizesAlong(record, byId) : undefined;
    if (sizes && matches(sizes, gone)) found[matches(sizes, kept) ? "unsure" : "sure"].add(record.id);
  }
  return found;
}

/** Sizes of the layers up to each layer that counts, by how many there are. */
function sizesByDepth(images: LayeredImage[], counts: (chain: string) => boolean): Map<number, number[][]> {
  const seen = new Set<string>();
  const found = new Map<number, number[][]>();
  for (const { layers } of images)
    layers.forEach(({ chain }, index) => {
      if (seen.has(chain) || !counts(chain)) return;
      seen.add(chain);
      const sizes = layers.slice(0, index + 1).map(({ bytes }) => bytes);
      found.set(sizes.length, [...(found.get(sizes.length) ?? []), sizes]);
    });
  return found;
}

/** Sizes from the lowest record up to this one; undefined where one has several parents. */
function sizesAlong(record: CacheRecord, byId: Map<string, CacheRecord>): number[] | undefined {
  const sizes: number[] = [];
  for (let at: CacheRecord | undefined = record; at; at = byId.get(at.parents[0] ?? "")) {
    if (at.parents.length > 1 || sizes.length > 1000) return undefined;
    sizes.unshift(at.bytes);
  }
  return sizes;
}
