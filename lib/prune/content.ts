import type { ContainerOnEngine, Engine, EngineImage } from "../docker/engine.ts";
import { layersOnEngine, type LayeredImage } from "../docker/layers.ts";
import type { CacheRecord } from "./build-cache.ts";
import { withTrueSizes } from "./true-sizes.ts";

/** What a prune looks at. */
export interface EngineContent {
  images: (Omit<EngineImage, "layers"> & {
    /** When it last got a name, in milliseconds since 1970: a build that reuses every step is as old as its steps. */
    named: number;
  })[];
  layers: LayeredImage[];
  containers: ContainerOnEngine[];
  cache: CacheRecord[];
  volumes: OwnVolume[];
  /** Those of the volumes asked for that none of our stacks made: they are measured, and never removed. */
  adopted: MeasuredVolume[];
  disk: DiskUse;
  /** False on the containerd store: it keeps each layer packed and unpacked, and frees both some time later. */
  isExact: boolean;
}

/** A volume and what it takes. */
export interface MeasuredVolume {
  name: string;
  bytes: number;
}

/** A volume that a stack of ours made. */
export interface OwnVolume extends MeasuredVolume {
  stack: string;
  inUse: boolean;
}

/** Disk that images and build cache take, each layer counted once. */
export interface DiskUse {
  /** Bytes of the layers of all images. */
  images: number;
  /** Bytes of the build cache that no image shares. */
  cache: number;
}

/** `/system/df` looks different from API 1.52 on; older engines know no newer path. */
const newestApi = 47;

/**
 * Reads everything at one time; nothing is changed.
 * @param adopted names of further volumes to measure, which somebody else may have made, e.g. `["localai_registry-cache"]`
 */
export async function readContent(engine: Engine, adopted: string[] = []): Promise<EngineContent> {
  const [list, containers, cache, volumes, isExact] = await Promise.all([
    engine.imageList(),
    engine.containers({}),
    readTrueCache(engine),
    readVolumes(engine, adopted),
    keepsLayersOnce(engine),
  ]);
  const ids = list.map(({ id }) => id);
  const [layers, named, images] = await Promise.all([
    layersOnEngine(ids, engine),
    namedTimes(ids, engine),
    bytesOfImages(engine),
  ]);
  return {
    images: list.map((image) => ({ ...image, named: named.get(image.id) ?? 0 })),
    layers,
    containers,
    cache,
    ...volumes,
    disk: { images, cache: unshared(cache) },
    isExact,
  };
}

/** Disk that images and build cache take now. */
export async function readDiskUse(engine: Engine): Promise<DiskUse> {
  const [images, cache] = await Promise.all([bytesOfImages(engine), readTrueCache(engine)]);
  return { images, cache: unshared(cache) };
}

function unshared(records: CacheRecord[]): number {
  return records.reduce((sum, { shared, bytes }) => sum + (shared ? 0 : bytes), 0);
}

async function bytesOfImages(engine: Engine): Promise<number> {
  return (await diskUsage<{ LayersSize?: number }>(engine, "image")).LayersSize ?? 0;
}

interface CacheLine {
  ID: string;
  Parents?: string[];
  /** Engine 26 spells it so. */
  " Parents"?: string[];
  Type: string;
  Size: number;
  InUse: boolean;
  Shared: boolean;
  CreatedAt: string;
  Description?: string;
  LastUsedAt?: string | null;
}

/** The records of BuildKit's cache. */
export async function readCache(engine: Engine): Promise<CacheRecord[]> {
  const { BuildCache } = await diskUsage<{ BuildCache?: CacheLine[] | null }>(engine, "build-cache");
  return (BuildCache ?? []).map((line) => ({
    id: line.ID,
    parents: line.Parents ?? line[" Parents"] ?? [],
    type: line.Type,
    bytes: line.Size,
    inUse: line.InUse,
    shared: line.Shared,
    lastUsed: Date.parse(line.LastUsedAt ?? line.CreatedAt) || 0,
    created: Date.parse(line.CreatedAt) || 0,
    ...(line.Description && { description: line.Description }),
  }));
}

async function readTrueCache(engine: Engine): Promise<CacheRecord[]> {
  return withTrueSizes(await readCache(engine), engine);
}

interface VolumeLine {
  Name: string;
  Labels?: Record<string, string> | null;
  UsageData?: { Size: number; RefCount: number } | null;
}

/** Volumes with our label, and those asked for. Measuring takes time, so the engine is asked only where there are some. */
async function readVolumes(
  engine: Engine,
  adopted: string[],
): Promise<Pick<EngineContent, "volumes" | "adopted">> {
  const label = "gpu-build-host.stack";
  const own = await engine.ask<{ Volumes?: VolumeLine[] | null }>({
    path: "/volumes",
    query: { filters: { label: [label] } },
  });
  const found: Pick<EngineContent, "volumes" | "adopted"> = { volumes: [], adopted: [] };
  if (!own.Volumes?.length && adopted.length === 0) return found;
  const { Volumes } = await diskUsage<{ Volumes?: VolumeLine[] | null }>(engine, "volume");
  for (const { Name: name, Labels, UsageData } of Volumes ?? []) {
    const stack = Labels?.[label];
    const bytes = Math.max(0, UsageData?.Size ?? 0);
    if (stack !== undefined)
      found.volumes.push({ name, stack, bytes, inUse: (UsageData?.RefCount ?? 1) !== 0 });
    else if (adopted.includes(name)) found.adopted.push({ name, bytes });
  }
  return found;
}

async function diskUsage<T>(engine: Engine, type: string): Promise<T> {
  const { ApiVersion } = await engine.ask<{ ApiVersion: string }>({ path: "/version" });
  const minor = Math.min(newestApi, Number(ApiVersion.split(".")[1]) || newestApi);
  return engine.ask<T>({ path: `/v1.${minor}/system/df`, query: { type }, timeoutMs: 600_000 });
}

async function keepsLayersOnce(engine: Engine): Promise<boolean> {
  const { DriverStatus } = await engine.ask<{ DriverStatus?: [string, string][] | null }>({ path: "/info" });
  return !(DriverStatus ?? []).some(([, value]) => value.startsWith("io.containerd.snapshotter"));
}

async function namedTimes(ids: string[], engine: Engine): Promise<Map<string, number>> {
  const times = await Promise.all(
    ids.map(async (id) => {
      const image = await engine.askIfThere<{ Metadata?: { LastTagTime?: string } }>({
        path: `/images/${id}/json`,
      });
      return [id, Date.parse(image?.Metadata?.LastTagTime ?? "") || 0] as const;
    }),
  );
  return new Map(times);
}
