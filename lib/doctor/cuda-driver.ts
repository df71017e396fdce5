/**
 * Oldest driver for each CUDA version, Linux x86-64, by NVIDIA's tables: `toolkit` is the one that it was released with,
 * `major` the oldest that runs it at all ("minor version compatibility": no PTX newer than the driver).
 */
const majors: Record<string, string> = { "11": "450.80.02", "12": "525.60.13", "13": "580" };
const toolkits: Record<string, string> = {
  "11.8": "520.61.05",
  "12.1": "530.30.02",
  "12.4": "550.54.14",
  "12.6": "560.28.03",
  "12.8": "570.26",
  "12.9": "575.51.03",
  "13.0": "580.65.06",
  "13.1": "590.44.01",
  "13.2": "595.45.04",
};

/** Whether a driver runs a CUDA version: `"minor"` for all but code that must be compiled on the host (PTX). */
export function driverVerdict(
  driver: string,
  cuda: string,
): { verdict: "full" | "minor" | "no" | "unknown"; needs: string; best?: string } {
  const oldest = majors[cuda.split(".")[0] ?? ""];
  const own = toolkits[cuda];
  if (!oldest) return { verdict: "unknown", needs: "" };
  if (isOlder(driver, oldest)) {
    const best = Object.keys(toolkits)
      .filter((version) => !isOlder(driver, toolkits[version]!))
      .at(-1);
    return { verdict: "no", needs: oldest, ...(best && { best }) };
  }
  if (own && isOlder(driver, own)) return { verdict: "minor", needs: own };
  return { verdict: own ? "full" : "unknown", needs: own ?? oldest };
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number)) as [number[], number[]];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
