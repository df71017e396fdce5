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
 * Shared records whose layers only the removed images have. The engine does not say which record is which layer; both are
 * chains, and the sizes along them tell. Where a layer that stays has the same sizes all the way down, the record counts as
 * that one's.
 */
export function recordsOfLayers(
  records: CacheRecord[],
  images: LayeredImage[],
  removed: Set<string>,
): Set<string> {
  const gone = new Set<string>();
  const kept = new Set<string>();
  for (const { id, layers } of images) {
    let sizes = "";
    for (const { bytes } of layers) {
      sizes += `${bytes} `;
      (removed.has(id) ? gone : kept).add(sizes);
    }
  }
  const byId = new Map(records.map((record) => [record.id, record]));
  const sizesOf = (record: CacheRecord, depth = 0): string | undefined => {
    const [first, ...others] = record.parents;
    if (first === undefined) return `${record.bytes} `;
    const parent = others.length === 0 && depth < 1000 ? byId.get(first) : undefined;
    const below = parent && sizesOf(parent, depth + 1);
    return below === undefined ? undefined : `${below}${record.bytes} `;
  };
  const matches = records.filter((record) => {
    const sizes = record.shared ? sizesOf(record) : undefined;
    return sizes !== undefined && gone.has(sizes) && !kept.has(sizes);
  });
  return new Set(matches.map(({ id }) => id));
}
