import type { CudaData } from "./data-schema.ts";
import { architecturesCompile, architecturesCoverHost } from "./rules/architectures.ts";
import { baseImage } from "./rules/base-image.ts";
import { containerStarts } from "./rules/container.ts";
import { builtFor } from "./rules/built-for.ts";
import { contextOf, type Context } from "./rules/context.ts";
import { cdiNeeds } from "./rules/cdi.ts";
import { ctranslate2, ctranslate2OnGpu } from "./rules/ctranslate2.ts";
import { driverDrivesGpu, driverRunsCuda } from "./rules/driver.ts";
import { flashAttn } from "./rules/flash-attn.ts";
import { gpuRunsTorch } from "./rules/gpu-kernels.ts";
import { weighObservations } from "./rules/observations.ts";
import { packageClashes } from "./rules/package-clashes.ts";
import {
  cudaIsTorchs,
  knownVersions,
  torchFamily,
  torchOnIndex,
  torchOnPython,
} from "./rules/torch-build.ts";
import { whisperx } from "./rules/whisperx.ts";
import { xformers } from "./rules/xformers.ts";
import type { Answer, Combination, HostFacts, Verdict } from "./types.ts";

/** Every rule, in the order in which a build and a start would meet them. */
const rules: ((context: Context) => Answer[])[] = [
  knownVersions,
  torchOnIndex,
  torchOnPython,
  torchFamily,
  whisperx,
  cudaIsTorchs,
  architecturesCompile,
  baseImage,
  xformers,
  flashAttn,
  builtFor,
  packageClashes,
  ctranslate2,
  ctranslate2OnGpu,
  containerStarts,
  cdiNeeds,
  driverDrivesGpu,
  driverRunsCuda,
  gpuRunsTorch,
  architecturesCoverHost,
];

/**
 * What the rules say of a combination on a host; pure. A rule that has nothing to look at gives no answer.
 *
 * @param today day for ends of support, e.g. `"2026-11-30"` @default the day of the data
 */
export function judge(
  combination: Combination,
  host: HostFacts,
  data: CudaData,
  today: string = data.updated,
): Answer[] {
  const context = contextOf(combination, host, data, today);
  const answers = weighObservations(
    context,
    rules.flatMap((rule) => rule(context)),
  );
  return [...new Map(answers.map((answer) => [`${answer.rule} ${answer.text}`, answer])).values()];
}

/** The rules that look at an image's packages. */
const packageRules = [torchFamily, whisperx, xformers, flashAttn, builtFor, packageClashes, ctranslate2];

/** What the rules say of the packages of a combination alone; a search asks this hundreds of times. */
export function judgePackages(combination: Combination, host: HostFacts, data: CudaData): Answer[] {
  const context = contextOf(combination, host, data, data.updated);
  return weighObservations(
    context,
    packageRules.flatMap((rule) => rule(context)),
  );
}

const order: Verdict[] = ["works", "unknown", "fails"];

/** The verdict of all answers: one that fails decides, then one that is unknown. Without any answer nothing is known. */
export function verdictOf(answers: Answer[]): Verdict {
  if (answers.length === 0) return "unknown";
  return order[Math.max(...answers.map(({ verdict }) => order.indexOf(verdict)))]!;
}
