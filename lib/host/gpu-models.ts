import type { CudaData } from "../cuda/data-schema.ts";

/** A GPU by NVIDIA's own name. */
export interface GpuModel {
  /** As nvidia-smi prints it, e.g. `"NVIDIA GeForce RTX 4090"`. */
  name: string;
  /** e.g. `"8.9"` */
  computeCapability: string;
}

/**
 * The model that a name means, written by nvidia-smi or by a person: `"RTX 4090"`, `"A100"`. Undefined where the data has none,
 * or where models of several compute capabilities could be meant (`"RTX 4000"`).
 */
export function gpuModel(name: string, data: Pick<CudaData, "gpuModels">): GpuModel | undefined {
  const wanted = plain(name);
  if (wanted === "") return undefined;
  const models = data.gpuModels.flatMap(({ models, computeCapability }) =>
    models.map((model) => ({ name: `NVIDIA ${model}`, computeCapability })),
  );
  const exact = models.find((model) => plain(model.name) === wanted);
  return exact ?? meantBy(wanted, models) ?? meantBy(wanted.replace(/ \d+ ?gb$/, ""), models);
}

/** The model that a shortened name means, where all that it could mean have one compute capability. */
function meantBy(wanted: string, models: GpuModel[]): GpuModel | undefined {
  const short = wanted.replace(/^geforce /, "");
  const isExact = (model: GpuModel) => shortNames(model).includes(short);
  const meant = models.filter(
    (model) => isExact(model) || shortNames(model).some((name) => name.startsWith(`${short} `)),
  );
  const capabilities = new Set(meant.map(({ computeCapability }) => computeCapability));
  if (capabilities.size !== 1) return undefined;
  return meant.find(isExact) ?? meant[0];
}

/** Lower case, one space between words, without the maker; `"rtx 4070 ti"` for `"RTX4070Ti"`. */
function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .replace(/^nvidia /, "")
    .replace(/\b(rtx|gtx)(?=\d)/, "$1 ")
    .replace(/(?<=\d)(ti|super)\b/, " $1")
    .trim();
}

/** A model without the product line, which people leave out; of GeForce and RTX A without "RTX" and "GTX" too. */
function shortNames(model: GpuModel): string[] {
  const name = plain(model.name);
  const withoutLine = name.replace(/^(geforce|quadro|tesla) /, "");
  const withoutSeries = name.replace(/^(geforce [gr]tx|rtx(?= a\d)) /, "");
  return [withoutLine, withoutSeries];
}
