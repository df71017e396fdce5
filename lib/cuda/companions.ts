import type { CudaData } from "./data-schema.ts";
import { comparePackageVersions, compareVersions, distanceOf, isInRange, isSameRelease } from "./versions.ts";

const kept = new WeakMap<CudaData, Map<string, string[]>>();

/**
 * Versions of a companion of torch that the data knows something about, the nearest to the current one first; empty for
 * what is no companion.
 *
 * @example companionVersions("xformers", data, "0.0.31") // ["0.0.31.post1", "0.0.30", …]
 */
export function companionVersions(name: string, data: CudaData, current?: string): string[] {
  let versions = kept.get(data);
  if (!versions) kept.set(data, (versions = collect(data)));
  const list = versions.get(name) ?? [];
  if (current === undefined) return list;
  return list
    .filter((version) => version !== current)
    .map((version) => ({ version, far: distanceOf(version, current) }))
    .sort(
      (a, b) =>
        compareVersions(a.far, b.far) ||
        // Another build of the same release comes first.
        Number(isSameRelease(b.version, current)) - Number(isSameRelease(a.version, current)) ||
        comparePackageVersions(b.version, a.version),
    )
    .map(({ version }) => version);
}

function collect(data: CudaData): Map<string, string[]> {
  const found = new Map<string, Set<string>>();
  const add = (name: string, version: string | undefined) => {
    if (version) found.set(name, (found.get(name) ?? new Set()).add(version));
  };
  for (const row of data.xformers) add("xformers", row.xformers);
  for (const row of data.flashAttn) add("flash-attn", row.flashAttn);
  for (const row of data.whisperx) if (!row.isYanked) add("whisperx", row.whisperx);
  for (const row of data.ctranslate2) add("ctranslate2", leastOf(row.versions));
  for (const row of data.whisperx) {
    add("pyannote-audio", leastOf(row.pyannoteAudio));
    add("numpy", leastOf(row.numpy));
  }
  for (const clash of data.packageClashes)
    if (!found.has(clash.package)) add(clash.package, outsideOf(clash.versions));
  for (const observation of data.observations)
    for (const [name, version] of Object.entries(observation.packages))
      if (observation.works && found.has(name)) add(name, version.split("+")[0]);
  return new Map([...found].map(([name, versions]) => [name, [...versions]]));
}

/** The least version of a range, e.g. `"4.6.3"` of `">=4.6.3,<5"`. */
const leastOf = (range: string | null) => /(?:>=|~=|==)\s*([\w.]+)/.exec(range ?? "")?.[1];

/** A version beside a range: `">=2.6"` gives the newest line below it, `"2.5"`. */
function outsideOf(range: string): string | undefined {
  const match = /^>=\s*(\d+)\.(\d+)$/.exec(range.trim());
  if (match && Number(match[2]) > 0) return `${match[1]}.${Number(match[2]) - 1}`;
  const upper = /^<\s*([\d.]+)$/.exec(range.trim())?.[1];
  return upper && isInRange(upper, range) === false ? upper : undefined;
}
