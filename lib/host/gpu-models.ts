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
  if (exact) return exact;
  const meant = models.filter((model) => {
    const short = withoutLine(plain(model.name));
    return short === wanted || short.startsWith(`${wanted} `);
  });
  const capabilities = new Set(meant.map(({ computeCapability }) => computeCapability));
  if (capabilities.size !== 1) return undefined;
  return meant.find((model) => withoutLine(plain(model.name)) === wanted) ?? meant[0];
}

/** Lower case, one space between words, without the maker. */
function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .replace(/^nvidia /, "")
    .trim();
}

/** Without the product line, which people leave out. */
function withoutLine(name: string): string {
  return name.replace(/^(geforce|quadro|tesla) /, "");
}
