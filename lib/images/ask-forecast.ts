import type { Engine } from "../docker/engine.ts";
import { fromList } from "../docker/listed-images.ts";
import { apartOn, belongs } from "./apart.ts";
import { earlierImages } from "./history.ts";
import { imageOfContent } from "./image-of-content.ts";
import { forecast, type EarlierImage, type Forecast, type ImageThere } from "./rebuilds.ts";
import type { ImagePlan } from "./types.ts";

/** What `up` is going to do, and what that is judged by. */
export interface AskedForecast {
  /** Every image, parents first. */
  images: Forecast[];
  /** `history`: no engine was asked, so an image counts as there if this stack used it last. */
  basis: "engine" | "history";
}

export interface ForecastQuestion {
  stack: string;
  stateDir: string;
  plan: ImagePlan[];
  /** What ran before, by image name. @default what this stack's history says */
  previous?: ReadonlyMap<string, EarlierImage>;
  /** @default the history is believed */
  engine?: Engine;
}

/** Asks the engine once for every image of the plan, and says what `up` will do with each. Changes nothing. */
export async function askForecast(question: ForecastQuestion): Promise<AskedForecast> {
  const { stack, stateDir, plan, engine } = question;
  const previous = question.previous ?? (await earlierImages(stateDir, stack));
  const there = engine ? await imagesOn(engine, plan) : presumed(plan, previous);
  const apart = engine ? await apartOn(engine, stateDir) : new Set<string>();
  return {
    images: forecast({
      plan,
      previous,
      onEngine: (reference) => there.get(reference),
      belongsOn: (image, base) => belongs(image, base, apart),
    }),
    basis: engine ? "engine" : "history",
  };
}

async function imagesOn(engine: Engine, plan: ImagePlan[]): Promise<Map<string, ImageThere>> {
  const listed = fromList(engine);
  const found = await Promise.all(
    plan.map(async (wanted) => [wanted.reference, await imageOfContent(wanted, listed)] as const),
  );
  return new Map(found.flatMap(([reference, image]) => (image ? [[reference, image] as const] : [])));
}

/** Without layers every image stands on its base. */
function presumed(plan: ImagePlan[], previous: ReadonlyMap<string, EarlierImage>): Map<string, ImageThere> {
  const used = plan.filter(({ name, hash }) => previous.get(name)?.hash === hash);
  return new Map(used.map(({ reference, tags }) => [reference, { id: reference, tags, layers: [] }]));
}
