import type { CudaData } from "../data-schema.ts";
import { comparePackageVersions, publicPart } from "../versions.ts";

export type Toolkit = CudaData["cudaToolkits"][number];
export type TorchRelease = CudaData["pytorchReleases"][number];
export type TorchWheel = CudaData["pytorchWheels"][number];
export type NvidiaImage = CudaData["nvidiaImages"][number];
export type Brand = CudaData["gpuModels"][number]["brand"];

/** Rows of the data by their versions: a search judges hundreds of combinations. */
export interface FactsIndex {
  toolkits: Map<string, Toolkit>;
  releases: Map<string, TorchRelease>;
  wheels: Map<string, TorchWheel>;
  images: Map<string, NvidiaImage>;
  /** Models, lower case, the longest names first. */
  models: { model: string; computeCapability: string; brand: Brand; sources: string[] }[];
}

const indexes = new WeakMap<CudaData, FactsIndex>();

/** The rows of a data object by version, made once. */
export function factsIndex(data: CudaData): FactsIndex {
  const made = indexes.get(data);
  if (made) return made;
  const index: FactsIndex = {
    toolkits: new Map(data.cudaToolkits.map((row) => [row.version, row])),
    releases: new Map(data.pytorchReleases.map((row) => [row.torch, row])),
    wheels: new Map(data.pytorchWheels.map((row) => [`${row.torch} ${row.index}`, row])),
    images: new Map(data.nvidiaImages.map((row) => [row.point, row])),
    models: data.gpuModels
      .flatMap(({ models, computeCapability, brand, sources }) =>
        models.map((model) => ({ model: model.toLowerCase(), computeCapability, brand, sources })),
      )
      .sort((a, b) => b.model.length - a.model.length),
  };
  indexes.set(data, index);
  return index;
}

/**
 * The row of a package's release.
 *
 * Where the data has no row for it, but one before and one after that say the same, it is the one before.
 */
export function rowOf<Row>(
  rows: Row[],
  versionOf: (row: Row) => string,
  version: string,
  isSame: (a: Row, b: Row) => boolean = () => false,
): Row | undefined {
  let before: Row | undefined;
  let after: Row | undefined;
  const wanted = publicPart(version);
  for (const row of rows) {
    const order = comparePackageVersions(versionOf(row), wanted);
    if (order === 0) return row;
    if (order < 0 && (!before || comparePackageVersions(versionOf(row), versionOf(before)) > 0)) before = row;
    if (order > 0 && (!after || comparePackageVersions(versionOf(row), versionOf(after)) < 0)) after = row;
  }
  return before && after && isSame(before, after) ? before : undefined;
}
