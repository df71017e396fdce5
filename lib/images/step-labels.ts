import type { DockerfileInputs } from "./build-inputs.ts";

/**
 * BuildKit's words for each of a build's instructions, in their order: name of the stage and number in it, e.g.
 * `"stage-1 3"`. It does not count a FROM that names a stage, nothing, or a named context; in our builds every image is one.
 */
export function stepLabels(inputs: DockerfileInputs): string[] {
  const counts = new Map<number, number>();
  return inputs.instructions.map(({ stage }) => {
    const number = (counts.get(stage) ?? 0) + 1;
    counts.set(stage, number);
    return `${inputs.stages.get(stage)?.name ?? `stage-${stage}`} ${number}`;
  });
}

/** `"[stage-1  3/14] RUN make"` → `"stage-1 3"`; in a Dockerfile of one stage BuildKit leaves its name out. */
export function labelOf(stepName: string): string {
  const [, stage, number] = /^\[\s*(?:(\S+)\s+)?(\d+)\/\d+\]/.exec(stepName) ?? [];
  return `${stage ?? "stage-0"} ${number ?? ""}`;
}

/**
 * What BuildKit reported of an instruction; undefined where it says nothing. Of an equal step in two builds at once it makes
 * one, under the first one's name, so the words count before the label. They differ where a variable has got its value.
 */
export function reportedStep<Step extends { name: string }>(
  reported: readonly Step[],
  { label, text }: { label: string; text: string },
): Step | undefined {
  const labelled = (steps: readonly Step[]) => steps.findLast(({ name }) => labelOf(name) === label);
  const alike = reported.filter(({ name }) => hasWordsOf(name, text));
  return labelled(alike) ?? alike.at(-1) ?? labelled(reported);
}

/** Flags stand between the keyword and the rest. */
function hasWordsOf(stepName: string, text: string): boolean {
  const words = (some: string): string => some.replace(/\s+/g, " ").trim();
  const said = words(stepName.replace(/^\[[^\]]*\]/, ""));
  const [keyword = "", ...rest] = words(text).split(" ");
  return said.startsWith(`${keyword} `) && said.endsWith(` ${rest.join(" ")}`);
}

/** The stages whose layers are the image's: the target and those that it stands on. */
export function stagesInImage(inputs: DockerfileInputs): Set<number> {
  const found = new Set<number>();
  for (let at: number | undefined = inputs.targetIndex; at !== undefined && !found.has(at);) {
    found.add(at);
    at = stageNamed(inputs.stages.get(at)?.base ?? "", inputs);
  }
  return found;
}

/** Index of the stage that FROM or `from=` names; undefined where that is an image. */
export function stageNamed(name: string, { stages }: DockerfileInputs): number | undefined {
  for (const [index, stage] of stages)
    if (stage.name === name.toLowerCase() || String(index) === name) return index;
  return undefined;
}
