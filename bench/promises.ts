import { figuresOf, percentLess, type Figures } from "./figures.ts";
import type { BenchResult } from "./result.ts";
import type { ScenarioId } from "./scenarios.ts";
import type { WayId } from "./ways.ts";
import { bytesInWords, lessInWords } from "./words.ts";

/** A promise of the guide's, and what was measured. */
export interface Promised {
  promise: string;
  /** By the guide's own way, with pip as it says. */
  guide: string;
  /** By this stack. */
  stack: string;
}

/** The guide's promises in its own order, each against its "before" with pip, at full speed. */
export function promisesOf(result: BenchResult): Promised[] {
  const row = (
    promise: string,
    scenario: ScenarioId,
    percent: number,
    pick: (figures: Figures, way: WayId) => number,
  ): Promised => {
    const before = figuresOf(result, "before-pip", scenario);
    const cell = (way: WayId) => {
      const own = figuresOf(result, way, scenario);
      if (!own || !before) return "not measured";
      const less = percentLess(pick(own, way), pick(before, "before-pip"));
      return `${less >= percent ? "kept" : "not kept"}: ${lessInWords(less)}`;
    };
    return { promise, guide: cell("guide-pip"), stack: cell("stack-uv") };
  };
  const seconds = ({ seconds }: Figures) => seconds;
  const bytes = ({ outsideBytes }: Figures) => outsideBytes;
  // The registry's own image comes anew where there is a cache: it is the price of the cache, not a part of the builds.
  const images = ({ outside }: Figures, way: WayId) =>
    Math.max(0, outside.images - (way === "before-pip" ? 0 : result.registryImageBytes));
  return [
    row("first build 25 % faster", "first-build", 25, seconds),
    row("code change 90 % faster (COPY late)", "code-late", 90, seconds),
    row("code change 90 % faster (COPY early)", "code-early", 90, seconds),
    row("dependency change 80 % faster", "dependency-change", 80, seconds),
    row("testing another CUDA version 95 % faster", "second-stack", 95, seconds),
    row("90 % fewer bytes on a rebuild (dependency change)", "dependency-change", 90, bytes),
    row("90 % fewer bytes of images downloaded again (all lost)", "all-lost", 90, images),
    row("images 40 % smaller (the largest)", "first-build", 40, ({ largestImageBytes }) => largestImageBytes),
    downloads(result),
  ];
}

/** The guide says that a build downloads about 20 GB. */
function downloads(result: BenchResult): Promised {
  const cell = (way: WayId) => {
    const own = figuresOf(result, way, "first-build");
    return own ? bytesInWords(own.outsideBytes) : "not measured";
  };
  const before = cell("before-pip");
  return {
    promise: `"before" downloads 20 GB: measured ${before}`,
    guide: cell("guide-pip"),
    stack: cell("stack-uv"),
  };
}
