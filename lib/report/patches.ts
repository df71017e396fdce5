import type { ImageEvent } from "../images/history-types.ts";
import { reportedStep } from "../images/step-labels.ts";
import type { DockerfileSteps } from "./dockerfile-steps.ts";
import type { PatchAge } from "./types.ts";

const day = 86_400_000;

/** A step that brings the distribution's packages as they are on that day. */
const bringsPackages =
  /(?:^|[\s;&|(])apt(?:-get)?\s[^;&|]*?\b(?:install|upgrade|dist-upgrade|full-upgrade)\b/;

/**
 * When each image got the distribution's packages: when its step with apt ran last, not from BuildKit's cache. Images
 * without such a step have their base's, and are left out.
 * @param baseDate the date in cuda-base/os-patches, for the base where no build is remembered
 */
export function patchAges(
  events: ImageEvent[],
  dockerfiles: DockerfileSteps[],
  now: number,
  baseDate?: string,
): PatchAge[] {
  return dockerfiles.flatMap(({ image, steps }) => {
    const inImage = steps.filter(({ isInImage }) => isInImage);
    const ran = events.findLast(
      (event) =>
        event.image === image &&
        event.result === "built" &&
        inImage.some((step) => {
          const reported = reportedStep(event.steps, step);
          return reported && !reported.cached && bringsPackages.test(reported.name);
        }),
    );
    const since = ran?.time ?? (image === "cuda-base-runtime" ? baseDate : undefined);
    if (since === undefined || Number.isNaN(Date.parse(since))) return [];
    const days = Math.max(0, Math.floor((now - Date.parse(since)) / day));
    return [{ image, since, days, from: ran ? ("build" as const) : ("date" as const) }];
  });
}
