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
    pick: (figures: Figures) => number,
  ): Promised => {
    const before = figuresOf(result, "before-pip", scenario);
    const cell = (way: WayId) => {
      const own = figuresOf(result, way, scenario);
      if (!own || !before) return "not measured";
      const less = percentLess(pick(own), pick(before));
      return `${less >= percent ? "kept" : "not kept"}: ${lessInWords(less)}`;
    };
    return { promise, guide: cell("guide-pip"), stack: cell("stack-uv") };
  };
  const seconds = ({ seconds }: Figures) => seconds;
  const bytes = ({ outsideBytes }: Figures) => outsideBytes;
  return [
    row("first build 25 % faster", "first-build", 25, seconds),
    row("code change 90 % faster (COPY late)", "code-late", 90, seconds),
    row("code change 90 % faster (COPY early)", "code-early", 90, seconds),
    row("dependency change 80 % faster", "dependency-change", 80, seconds),
    row("testing another CUDA version 95 % faster", "second-stack", 95, seconds),
    row("90 % fewer bytes on a rebuild (dependency change)", "dependency-change", 90, bytes),
    row(
      "90 % fewer bytes of images downloaded again (all lost)",
      "all-lost",
      90,
      ({ outside }) => outside.images,
    ),
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
