import { compare } from "@renovatebot/pep440";
import { cudaDataSchema, type CudaData } from "../data-schema.ts";
import { indexSources, type Change } from "./propose.ts";

type Record_ = Record<string, unknown> & {
  sources: string[];
  sourcesOf?: Record<string, string[]>;
  unknown?: Record<string, string>;
};

/** Name of the property that says which release it is, by section. */
const keys = { pytorchReleases: "torch", xformers: "xformers", whisperx: "whisperx" } as const;

/** What a release has that no index states, in the order of the schema. */
const properties = {
  pytorchReleases: ["indexes", "pypiCuda", "python", "torchvision", "torchaudio", "triton", "cudnn", "nccl"],
  xformers: ["torch", "requiresTorch", "pypiCuda", "flashAttn", "cubins", "ptx", "exactOnly"],
  whisperx: ["date", "isYanked", "python", "torch", "torchaudio", "ctranslate2", "pyannoteAudio", "numpy"],
} as const;

/** The data with the changes in it, checked by its schema. The data itself stays as it is. */
export function applyChanges(data: CudaData, changes: Change[], today: string): CudaData {
  if (changes.length === 0) return data;
  const next = structuredClone(data);
  for (const section of Object.keys(keys) as Change["section"][]) {
    const records = next[section] as unknown as Record_[];
    for (const change of changes.filter((one) => one.section === section)) {
      const known = records.find((record) => record[keys[section]] === change.release);
      const record = known ?? emptyRelease(section, change);
      if (!known) records.push(record);
      setFact(record, change);
    }
    records.sort((a, b) => compare(String(a[keys[section]]), String(b[keys[section]])));
  }
  const used = new Set(changes.map(({ source }) => source));
  for (const [id, source] of Object.entries(indexSources)) if (used.has(id)) next.sources[id] ??= source;
  for (const id of Object.keys(next.sources)) if (!isNamed(next, id)) delete next.sources[id];
  next.updated = today;
  return cudaDataSchema.parse(next);
}

/** A release of which nothing is known yet. */
function emptyRelease(section: Change["section"], { release, source }: Change): Record_ {
  const unknown = Object.fromEntries(properties[section].map((name) => [name, "no index states it"]));
  return {
    [keys[section]]: release,
    ...Object.fromEntries(properties[section].map((name) => [name, null])),
    sources: [source],
    unknown,
  };
}

function setFact(record: Record_, { property, to, source }: Change): void {
  record[property] = to;
  if (record.unknown) delete record.unknown[property];
  if (record.unknown && Object.keys(record.unknown).length === 0) delete record.unknown;
  if (record.sources.length === 1 && record.sources[0] === source) return;
  const listed = Object.entries(record.sourcesOf ?? {});
  record.sourcesOf = Object.fromEntries([
    ...listed.filter(([name]) => name !== property),
    [property, [source]],
  ]);
}

function isNamed(data: CudaData, id: string): boolean {
  const { sources: _, ...facts } = data;
  return JSON.stringify(facts).includes(JSON.stringify(id));
}
