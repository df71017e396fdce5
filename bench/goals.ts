import { figuresOf, median, percentLess, type Figures } from "./figures.ts";
import type { BenchResult } from "./result.ts";
import type { ScenarioId } from "./scenarios.ts";
import type { WayId } from "./ways.ts";
import { bytesInWords, lessInWords, secondsInWords } from "./words.ts";

export type Verdict = "met" | "not met" | "not measured";

/** A goal of this project, held against a result. */
export interface Goal {
  goal: string;
  verdict: Verdict;
  /** The figures behind the verdict, or why there are none. */
  why: string;
}

/** Torch 2.7.1 with its CUDA libraries, unpacked, in bytes: what no service needs to have of its own. */
const torchBytes = 5.4e9;
/** Requests, answers and manifests; content is more. */
const noContent = 50_000;

/** Every goal, in the order of the tables. All at full speed. */
export function goalsOf(result: BenchResult): Goal[] {
  const of = (way: WayId, scenario: ScenarioId) => figuresOf(result, way, scenario);
  const empty = emptySeconds(result);
  const emptyWords = Number.isNaN(empty)
    ? ""
    : `; an empty Pulumi program alone takes ${secondsInWords(empty)} s`;
  const within = (goal: string, scenario: ScenarioId, other: WayId, allowance: (seconds: number) => number) =>
    compare(goal, of("stack-uv", scenario), of(other, scenario), ({ seconds }, { seconds: reference }) => {
      const isMet = seconds <= allowance(reference);
      const words = `${secondsInWords(seconds)} s against ${secondsInWords(reference)} s`;
      return { isMet, why: isMet ? words : words + emptyWords };
    });
  const under = (goal: string, scenario: ScenarioId, other: WayId, percent: number) =>
    compare(goal, of("stack-uv", scenario), of(other, scenario), ({ seconds }, { seconds: reference }) => ({
      isMet: percentLess(seconds, reference) >= percent,
      why: `${secondsInWords(seconds)} s against ${secondsInWords(reference)} s: ${lessInWords(percentLess(seconds, reference))}`,
    }));
  return [
    emptyProgramGoal(result),
    within(
      "nothing changed: at most docker compose build + 2 s",
      "nothing-changed",
      of("guide-pip", "nothing-changed") ? "guide-pip" : "before-pip",
      (s) => s + 2,
    ),
    within("code change: at most bake + 2 s", "code-late", "bake-uv", (s) => s + 2),
    under("dependency change: at least 80 % under before with pip", "dependency-change", "before-pip", 80),
    under("dependency change: at least 80 % under before with uv", "dependency-change", "before-uv", 80),
    within("dependency change: at most bake + 2 s", "dependency-change", "bake-uv", (s) => s + 2),
    under("first build: at least 45 % under before with pip", "first-build", "before-pip", 45),
    under("first build: at least 45 % under before with uv", "first-build", "before-uv", 45),
    within("first build: at most bake + 5 %", "first-build", "bake-uv", (s) => s * 1.05),
    basePartsGoal(result),
    uniqueBytesGoal(result),
    nothingFetched("images lost: 0 bytes from outside", of("stack-uv", "images-lost"), 0),
    nothingFetched(
      "all lost but the caches: 0 bytes of images from outside but for the registry's own",
      withoutPackages(of("stack-uv", "all-lost")),
      result.registryImageBytes,
    ),
    nothingFetched(
      "all lost but the caches, with packageCache: 0 bytes from outside but for the registry's own image",
      of("stack-packages", "all-lost"),
      result.registryImageBytes,
    ),
    missing("100 services: no-op and preview", "this workload has three; bench/scale measures it"),
    missing(
      "a 10 GB context that has not changed is not read again",
      "no context here is large; bench/scale measures it",
    ),
  ];
}

function emptySeconds({ emptyProgram, lines }: BenchResult): number {
  return median(emptyProgram.filter(({ line }) => line === lines[0]).map(({ seconds }) => seconds));
}

function emptyProgramGoal(result: BenchResult): Goal {
  const goal = "nothing changed: at most 3 × an empty Pulumi program";
  const empty = emptySeconds(result);
  const own = figuresOf(result, "stack-uv", "nothing-changed");
  if (!own || Number.isNaN(empty)) return missing(goal, "no figures");
  return verdict(
    goal,
    own.seconds <= 3 * empty,
    `${secondsInWords(own.seconds)} s against ${secondsInWords(empty)} s: ${(own.seconds / empty).toFixed(1)} ×`,
  );
}

function basePartsGoal(result: BenchResult): Goal {
  const goal = "torch base: within 10 % of its own parts";
  const all = (result.baseParts ?? []).filter(({ line }) => line === result.lines[0]);
  if (all.length === 0) return missing(goal, "the full mode times them");
  const of = (part: "base" | "besides" | "download" | "copy" | "export") =>
    median(all.map((one) => one[part]));
  const parts = of("download") + of("copy") + of("export");
  const torch = median(all.map(({ base, besides }) => base - besides));
  const words = (["download", "copy", "export"] as const).map(
    (part) => `${part} ${secondsInWords(of(part))}`,
  );
  return verdict(
    goal,
    torch <= parts * 1.1,
    `${secondsInWords(torch)} s against ${secondsInWords(parts)} s (${words.join(" + ")}); the other ${secondsInWords(of("besides"))} s of its ${secondsInWords(of("base"))} s: the pull, Debian's packages, uv, its check`,
  );
}

function uniqueBytesGoal(result: BenchResult): Goal {
  const goal = "unique bytes on disk: 5.4 GB under before for each service beyond the first";
  if (result.kind === "quick") return missing(goal, "quick mode: the stand-in for torch is small");
  return compare(
    goal,
    figuresOf(result, "stack-uv", "first-build"),
    figuresOf(result, "before-uv", "first-build"),
    ({ uniqueBytes }, { uniqueBytes: reference }) => ({
      isMet: reference - uniqueBytes >= torchBytes,
      why: `${bytesInWords(uniqueBytes)} against ${bytesInWords(reference)} for two services`,
    }),
  );
}

/** @param allowed bytes of images that may come */
function nothingFetched(goal: string, figures: Figures | undefined, allowed: number): Goal {
  if (!figures) return missing(goal, "no figures");
  const { images, python, debian, other } = figures.outside;
  const isMet = images <= allowed + noContent && python + debian + other <= noContent;
  const parts = Object.entries({ images, python, debian, other })
    .filter(([, bytes]) => bytes > 0)
    .map(([kind, bytes]) => `${kind} ${bytesInWords(bytes)}`);
  return verdict(goal, isMet, parts.length > 0 ? parts.join(", ") : "nothing came from outside");
}

function withoutPackages(figures: Figures | undefined): Figures | undefined {
  return figures && { ...figures, outside: { ...figures.outside, python: 0, debian: 0, other: 0 } };
}

function compare(
  goal: string,
  own: Figures | undefined,
  other: Figures | undefined,
  judge: (own: Figures, other: Figures) => { isMet: boolean; why: string },
): Goal {
  if (!own || !other) return missing(goal, "no figures of both");
  const { isMet, why } = judge(own, other);
  return verdict(goal, isMet, why);
}

function verdict(goal: string, isMet: boolean, why: string): Goal {
  return { goal, verdict: isMet ? "met" : "not met", why };
}

function missing(goal: string, why: string): Goal {
  return { goal, verdict: "not measured", why };
}
