import type { Engine } from "../docker/engine.ts";
import { cudaData } from "../cuda/data.ts";
import { judge, verdictOf } from "../cuda/judge.ts";
import { earlierImages } from "../images/history.ts";
import { unknownDigest } from "../images/image-reference.ts";
import type { StackPlan } from "../images/plan-stack.ts";
import { combinationOf } from "../locks/combination.ts";
import { combinationResolver, resolves } from "../locks/resolves.ts";
import type { Settings } from "../settings/settings.ts";
import type { Bill } from "../bill/types.ts";
import type { AssessParts } from "./assess.ts";

/** What is there to ask, beside the files. */
export interface Around {
  /** An engine that answers. */
  engine?: Engine;
  planned?: StackPlan;
  /** What is changed from, where it is not what ran last. */
  before?: Settings;
}

/** The project's own parts of an assessment. What only a preview needs is loaded only then. */
export function partsFor(settings: Settings, { engine, planned, before }: Around = {}): AssessParts<Bill> {
  const { stack, stateDir } = settings;
  return {
    combination: (wanted) => combinationOf(wanted),
    judge: (combination, host) => judge(combination, host, cudaData(), today()),
    verdict: verdictOf,
    resolves: (wanted, combination) => resolves(wanted, combination, { limitMs: 2_500 }),
    blockers: async (before, wanted, host) => {
      const { blockersOf } = await import("../cuda/blockers.ts");
      const resolver = combinationResolver(settings, { budgetMs: 1_500 });
      return blockersOf(before, wanted, host, cudaData(), { resolves: resolver });
    },
    forecast: async (plan) => {
      const { askForecast } = await import("../images/ask-forecast.ts");
      const { images, basis } = await askForecast({ stack, stateDir, plan, ...(engine && { engine }) });
      return {
        images,
        ...(basis === "history" && {
          note: "the engine does not answer: what is to be built is judged by this stack's build history",
        }),
      };
    },
    bill: async (plan, images) => {
      const { billOf } = await import("../bill/bill.ts");
      return billOf({
        settings,
        plan,
        rebuilds: images.filter(({ will }) => will === "build"),
        previous: await earlierImages(stateDir, stack),
        ...(engine && { engine }),
        ...(planned && !planned.cacheImage.endsWith(unknownDigest) && { cacheImage: planned.cacheImage }),
      });
    },
    warnings: async () => {
      if (!planned) return [];
      const { movedTags } = await import("./moved-tags.ts");
      return movedTags(settings, planned);
    },
    before: async () => {
      if (before) return before;
      const { settingsBefore } = await import("./before.ts");
      return settingsBefore(settings, await earlierImages(stateDir, stack));
    },
  };
}

/** Day for ends of support, e.g. `"2026-11-30"`. */
function today(): string {
  return new Date().toISOString().slice(0, 10);
}
