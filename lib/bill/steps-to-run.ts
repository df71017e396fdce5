import { aptMark, type BuildNote } from "./build-notes.ts";
import type { BuildStep, ImageBuild } from "./build-steps.ts";
import type { WantedPackage } from "./packages.ts";

/** An image of the plan with its steps. */
export interface BilledImage {
  name: string;
  parents: string[];
  /** Whether `up` builds it. */
  isBuilt: boolean;
  /** Whether this build empties its cache mounts. */
  emptiesCaches: boolean;
  build: ImageBuild;
}

/** What is known of one engine; empty for a machine that has nothing yet. */
export interface HeldFacts {
  /** Keys of steps that BuildKit's cache has. */
  cached: Set<string>;
  /** Marks of what each cache mount holds, by its folder. */
  held: Map<string, Set<string>>;
  /** Oldest first. */
  notes: BuildNote[];
}

/** A step that will really run, and what it fetches. */
export interface RunningStep {
  image: string;
  step: BuildStep;
  /** Packages of its locks and its own pins: those to be fetched, and those that a cache mount holds. */
  fetched: WantedPackage[];
  held: WantedPackage[];
  /** Bytes of those that a cache mount holds from earlier builds, not from an earlier step of this one. */
  heldBefore: number;
  /** It fetches packages of the distribution that no cache mount holds. */
  fetchesApt: boolean;
  /** Its cache mount of apt is empty. */
  beginsApt: boolean;
  /** Where its downloads stay. */
  mount?: string;
}

/** The steps that run, parents first, each once: equal steps of two images are one. */
export function stepsToRun(
  images: BilledImage[],
  facts: HeldFacts,
  packagesIn: (step: BuildStep) => WantedPackage[],
): RunningStep[] {
  const done = new Set<string>();
  const held = new Map([...facts.held].map(([target, marks]) => [target, new Set(marks)]));
  const running: RunningStep[] = [];
  for (const { name, build, emptiesCaches } of images.filter(({ isBuilt }) => isBuilt)) {
    const pins = new Set<string>();
    const emptied = new Set<string>();
    for (const step of build.steps) {
      if (done.has(step.key) || facts.cached.has(step.key)) continue;
      done.add(step.key);
      const mount = step.caches[0];
      if (emptiesCaches && mount !== undefined && !emptied.has(mount)) {
        for (const target of step.caches) {
          held.set(target, new Set());
          emptied.add(target);
        }
      }
      const marks = step.keepsNothing ? undefined : held.get(mount ?? "");
      const wanted = packagesIn(step).filter(({ name: pin, version }) => {
        if (step.locks.length > 0) return true;
        return !pins.has(`${pin}==${version}`); // a later stage finds it installed
      });
      for (const { name: pin, version } of wanted) pins.add(`${pin}==${version}`);
      const isHeld = (one: WantedPackage): boolean => one.marks.some((mark) => marks?.has(mark));
      const apt = held.get(step.caches.find((target) => target.includes("/apt")) ?? "");
      running.push({
        image: name,
        step,
        fetched: wanted.filter((one) => !isHeld(one)),
        held: wanted.filter(isHeld),
        heldBefore: wanted
          .filter((one) => isHeld(one) && one.marks.some((mark) => facts.held.get(mount ?? "")?.has(mark)))
          .reduce((sum, { bytes = 0 }) => sum + bytes, 0),
        fetchesApt: step.apt && !apt?.has(aptMark(step.text)),
        beginsApt: step.apt && step.caches.length > 0 && !apt?.size,
        ...(mount !== undefined && !step.keepsNothing && { mount }),
      });
      if (step.keepsNothing) continue;
      for (const target of step.caches) {
        const known = held.get(target) ?? new Set<string>();
        held.set(target, known);
        for (const { marks: own } of wanted) for (const mark of own) known.add(mark);
        if (step.apt) known.add(aptMark(step.text));
      }
    }
  }
  return running;
}
