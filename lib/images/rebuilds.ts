import { familiarName, parseReference } from "./image-reference.ts";
import type { ImagePlan } from "./types.ts";

/** What an engine says of one image, as far as it matters here. */
export interface ImageThere {
  id: string;
  /** Every name, e.g. `["whisperx:cu128", "localhost:1/dev/…"]`. */
  tags: string[];
  /** Digests of the uncompressed layers, lowest first. */
  layers: string[];
}

/** What an image was made of when it ran last. */
export interface EarlierImage {
  hash: string;
  /** See {@link ImagePlan.parts}; undefined where nobody wrote them down. */
  parts?: Record<string, string>;
}

/** What `up` is going to do with one image. */
export interface Forecast {
  /** Name in the stack, e.g. `"whisperx"`. */
  image: string;
  reference: string;
  /**
   * `build`: it is made; `reuse`: the engine has it under its hash from an earlier time; `retag`: only friendly tags move;
   * `nothing`; `missing`: it is pinned to a version that is gone, so `up` fails.
   */
  will: "build" | "reuse" | "retag" | "nothing" | "missing";
  /** In a user's words, e.g. `["file app/main.py", "argument CUDA 12.6 → 12.8"]`; empty for `nothing`. */
  reasons: string[];
}

export interface ForecastFacts {
  /** Parents first, as `planImages` gives it. */
  plan: ImagePlan[];
  /** By image name. */
  previous: ReadonlyMap<string, EarlierImage>;
  /** The image behind a hash reference; undefined where the engine has none. */
  onEngine(reference: string): ImageThere | undefined;
  /** Whether an image that is not on its base's layers may stay so. @default no */
  belongsOn?(image: ImageThere, base: ImageThere): boolean;
}

/** Exactly the images that `up` builds, with the reasons. */
export function rebuildsOf(facts: ForecastFacts): { image: string; reasons: string[] }[] {
  return forecast(facts)
    .filter(({ will }) => will === "build")
    .map(({ image, reasons }) => ({ image, reasons }));
}

/** What `up` does with every image of the plan, in the plan's order. */
export function forecast({ plan, previous, onEngine, belongsOn = standsOn }: ForecastFacts): Forecast[] {
  const built = new Set<string>();
  return plan.map((wanted) => {
    const { name: image, reference } = wanted;
    const there = onEngine(reference);
    const before = previous.get(image);
    if (wanted.mustExist && !there)
      return { image, reference, will: "missing", reasons: ["its earlier version is gone from the engine"] };
    const base = wanted.base === undefined ? undefined : onEngine(wanted.base);
    const cause = whyBuild(wanted, {
      isThere: there !== undefined,
      belongsOnBase: !there || !base || belongsOn(there, base),
      isBaseBuilt: built.has(wanted.base ?? ""),
    });
    if (cause) {
      built.add(reference);
      return { image, reference, will: "build", reasons: reasonsToBuild(cause, before, wanted) };
    }
    if (before && before.hash !== wanted.hash)
      return { image, reference, will: "reuse", reasons: changes(before, wanted) };
    const astray = wanted.tags.filter((tag) => !there!.tags.includes(familiar(tag)));
    if (astray.length > 0)
      return { image, reference, will: "retag", reasons: astray.map((tag) => `tag ${tag}`) };
    return before
      ? { image, reference, will: "nothing", reasons: [] }
      : { image, reference, will: "reuse", reasons: ["new"] };
  });
}

/** Why an image has to be built: nothing has its hash, its base is made in this run, or it stands on layers that are not its base's. */
export type BuildCause = "absent" | "base built" | "other layers";

/** Whether an image has to be built, and why: `up` and its preview both ask here. A pinned version is never built. */
export function whyBuild(
  wanted: Pick<ImagePlan, "mustExist">,
  found: {
    isThere: boolean;
    /** Whether it stands on its base's layers, or on others for good reason; true where there is no base to compare with. */
    belongsOnBase: boolean;
    /** Whether this run builds the base: its layers may come out the same, but nobody knows before. */
    isBaseBuilt: boolean;
  },
): BuildCause | undefined {
  if (wanted.mustExist) return undefined;
  if (!found.isThere) return "absent";
  if (found.isBaseBuilt) return "base built";
  return found.belongsOnBase ? undefined : "other layers";
}

/** Whether the first layers are the base's. */
export function standsOn(image: Pick<ImageThere, "layers">, base: Pick<ImageThere, "layers">): boolean {
  return base.layers.every((layer, index) => image.layers[index] === layer);
}

/** The reasons of a build, for its history and for a preview. */
export function reasonsToBuild(
  cause: BuildCause,
  before: EarlierImage | undefined,
  wanted: { hash: string; parts: Record<string, string> },
): string[] {
  if (cause === "other layers") return ["it stands on other layers than its base"];
  if (cause === "base built") return ["its base is built again"];
  if (!before) return ["new"];
  return before.hash === wanted.hash ? ["gone from the engine"] : changes(before, wanted);
}

function changes(before: EarlierImage, wanted: { hash: string; parts: Record<string, string> }): string[] {
  const found = before.parts && changedParts(before.parts, wanted.parts);
  return found && found.length > 0 ? found : ["other content than last time"];
}

/** What differs, e.g. `["file app/main.py", "argument CUDA 12.6 → 12.8", "parent cuda-base-runtime"]`. */
export function changedParts(before: Record<string, string>, after: Record<string, string>): string[] {
  return [...new Set([...Object.keys(after), ...Object.keys(before)])]
    .filter((key) => before[key] !== after[key])
    .map((key) => describeChange(key, before[key], after[key]));
}

/** Longer values than this say nothing in a list. */
const longestValue = 40;

function describeChange(key: string, before: string | undefined, after: string | undefined): string {
  if (key === "dockerfile") return "Dockerfile";
  if (key === "rebuild") return "rebuild asked for";
  if (key.startsWith("external ")) return after === undefined ? `${key} no longer used` : key;
  if (!/^(argument |target$|platform$)/.test(key)) return key;
  if (before === undefined) return `${key} is ${shown(after!)}`;
  if (after === undefined) return `${key} no longer used`;
  return `${key} ${shown(before)} → ${shown(after)}`;
}

function shown(value: string): string {
  if (value === "") return '""';
  return value.length <= longestValue ? value : `${value.slice(0, longestValue - 1)}…`;
}

function familiar(tag: string): string {
  const reference = parseReference(tag);
  return reference ? familiarName(reference) : tag;
}
