import { relative, resolve } from "node:path";
import { buildPlatform } from "../images/plan.ts";
import { imageDefinitions } from "../images/definitions.ts";
import { readInputs } from "../images/dockerfile-inputs.ts";
import { readSyntax } from "../images/dockerfile-syntax.ts";
import { readTextFile } from "../images/read-text-file.ts";
import { stagesInImage, stepLabels } from "../images/step-labels.ts";
import type { ImageDefinition } from "../images/types.ts";
import type { Settings } from "../settings/settings.ts";

/** One step of a Dockerfile as it stands now. */
export interface DockerfileStep {
  /** BuildKit's words for it, e.g. `"stage-1 3"`. */
  label: string;
  line: number;
  /** e.g. `"RUN apt-get update"`, without flags. */
  text: string;
  /** Its layer is part of the image, not of a stage that stays behind. */
  isInImage: boolean;
}

/** Steps of one image's Dockerfile. */
export interface DockerfileSteps {
  image: string;
  /** As findings name it, e.g. `"services/whisperx/Dockerfile"`. */
  file: string;
  steps: DockerfileStep[];
}

/** Steps of every image of a stack. A Dockerfile that cannot be read has none: the doctor says why. */
export async function stepsOfStack(settings: Settings): Promise<DockerfileSteps[]> {
  return Promise.all(
    imageDefinitions(settings).map(async (definition) => {
      const path = resolve(definition.context, definition.dockerfile);
      const shown = relative(settings.root, path);
      const file = shown.startsWith("..") ? path : shown;
      return { image: definition.name, file, steps: await readSteps(definition, path).catch(() => []) };
    }),
  );
}

async function readSteps(definition: ImageDefinition, path: string): Promise<DockerfileStep[]> {
  const { name, args, contexts, target, platform = buildPlatform } = definition;
  const syntax = readSyntax(await readTextFile(path, `image "${name}": the Dockerfile`), path);
  const inputs = readInputs(syntax, {
    args,
    contexts: Object.keys(contexts),
    ...(target !== undefined && { target }),
    platform,
    buildPlatform,
    inherit: () => undefined,
  });
  const labels = stepLabels(inputs);
  const inImage = stagesInImage(inputs);
  return inputs.instructions.map(({ stage, instruction }, index) => ({
    label: labels[index]!,
    line: instruction.line,
    text: `${instruction.keyword} ${instruction.rest}`,
    isInImage: inImage.has(stage),
  }));
}
