import type { Answer } from "../types.ts";
import { isSameRelease, localPart } from "../versions.ts";
import { fails, warns } from "./answers.ts";
import type { Context, ImagePins } from "./context.ts";
import { factOf } from "./package-clashes.ts";

type Observation = Context["data"]["observations"][number];

/** Rules that repeat what a vendor promises; what somebody ran says more. */
const promises =
  /^(whisperx-requires|xformers-fits-torch|xformers-fits-flash-attn|flash-attn-wheel|torch-on-python|torch-family|cuda-is-torchs|ctranslate2-on-gpu)$/;

/** Observations that hold for this combination, with the image that they hold for. */
function seen(context: Context): { observation: Observation; image: ImagePins }[] {
  return context.data.observations.flatMap((observation) =>
    context.images
      .filter((image) => holds(context, image, observation))
      .map((image) => ({ observation, image })),
  );
}

function holds(context: Context, image: ImagePins, observation: Observation): boolean {
  const { combination, gpus, host } = context;
  if (observation.cuda !== undefined && observation.cuda !== combination.cuda) return false;
  if (observation.python !== undefined && observation.python !== combination.python) return false;
  if (observation.driver !== undefined && observation.driver !== host.driver) return false;
  if (
    observation.computeCapability !== undefined &&
    !gpus?.every((gpu) => gpu.computeCapability === observation.computeCapability)
  )
    return false;
  return Object.entries(observation.packages).every(([name, version]) => {
    const fact = factOf(context, image, name);
    if (!fact || !isSameRelease(fact.value, version)) return false;
    const local = localPart(version);
    return (
      local === undefined ||
      (localPart(fact.value) ?? (name === "torch" ? context.torchIndex : undefined)) === local
    );
  });
}

/**
 * What was seen outweighs what was promised: a "fails" or "unknown" about packages that somebody ran together becomes a
 * warning with the condition; a failure that was seen is an answer of its own.
 */
export function weighObservations(context: Context, answers: Answer[]): Answer[] {
  const found = seen(context);
  if (found.length === 0) return answers;
  const weighed = answers.map((answer) => {
    if (answer.verdict === "works" || !promises.test(answer.rule)) return answer;
    const good = found.find(({ observation }) => observation.works && isAbout(answer, observation));
    if (!good) return answer;
    return warns(answer.rule, {
      text: `${answer.text}; but it was seen to work: ${good.observation.condition}`,
      facts: answer.facts,
      sources: [...answer.sources, ...good.observation.sources],
      ...(answer.fix && { fix: answer.fix }),
    });
  });
  const failures = found
    .filter(({ observation }) => !observation.works)
    .map(({ observation, image }) =>
      fails("observed", observation.place, {
        text: `${Object.entries(observation.packages)
          .map(([name, version]) => `${name} ${version}`)
          .join(" with ")} was seen to fail: ${observation.condition}`,
        facts: Object.keys(observation.packages).flatMap((name) => factOf(context, image, name) ?? []),
        sources: observation.sources,
        fix: "take versions that are known to work together",
      }),
    );
  return [...weighed, ...failures];
}

/** The observation had everything that the answer is about. */
const isAbout = (answer: Answer, { packages, python, cuda }: Observation) =>
  answer.facts.every(
    ({ name }) =>
      name in packages ||
      (name === "python" && python) ||
      (name === "cuda" && cuda) ||
      !/^[a-z0-9-]+$/.test(name),
  );
