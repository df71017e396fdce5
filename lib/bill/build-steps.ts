import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { BuildInstruction, DockerfileInputs } from "../images/build-inputs.ts";
import { readInputs } from "../images/dockerfile-inputs.ts";
import { mountFields } from "../images/dockerfile-sources.ts";
import { flagOf, readSyntax } from "../images/dockerfile-syntax.ts";
import { contextName, parseReference } from "../images/image-reference.ts";
import { buildPlatform, proxyArguments } from "../images/plan.ts";
import { readTextFile } from "../images/read-text-file.ts";
import { stageNamed, stagesInImage, stepLabels } from "../images/step-labels.ts";
import type { ImagePlan } from "../images/types.ts";
import { expandWord } from "../images/variable-expansion.ts";
import { absolute, placedByCopy, sourceOf } from "../locks/stage-files.ts";
import { wantsOf, type StepWants } from "./step-wants.ts";

/** What is needed of an image's plan to see its steps. */
export type StepsPlan = Pick<
  ImagePlan,
  | "name"
  | "context"
  | "dockerfile"
  | "target"
  | "args"
  | "contexts"
  | "platform"
  | "pins"
  | "rebuild"
  | "parts"
>;

/** One RUN, COPY, ADD or WORKDIR of a build. */
export interface BuildStep extends StepWants {
  /**
   * What BuildKit's cache goes by, in our own reckoning: the instruction, its variables, what it takes in, and everything
   * below it. An equal key of an earlier build means that the step need not run.
   */
  key: string;
  /** The step alone, without what stands below: equal for the same work on another base. */
  work: string;
  /** BuildKit's words for it, e.g. `"stage-1 3"`: name of the stage and number in it. */
  label: string;
  /** e.g. `"RUN apt-get update"` */
  text: string;
  /** Its layer is part of the image, not of a stage that stays behind. */
  isInImage: boolean;
}

/** An image's build, step by step. */
export interface ImageBuild {
  image: string;
  steps: BuildStep[];
  /** Stands for the whole image: its last layer and its environment. */
  key: string;
  /** External images below its stages: how BuildKit pulls them, e.g. `"127.0.0.1:5000/nvidia/cuda@sha256:…"`, and their familiar name. */
  externals: { pull: string; name: string }[];
}

/**
 * Reads the steps that a build of this image has.
 * @param keyOfImage key of one of our images by its hash reference; undefined where nobody knows it
 */
export async function readBuild(
  plan: StepsPlan,
  keyOfImage: (reference: string) => string | undefined,
): Promise<ImageBuild> {
  const file = resolve(plan.context, plan.dockerfile);
  const syntax = readSyntax(await readTextFile(file, `image "${plan.name}": the Dockerfile`), file);
  const inputs = readInputs(syntax, {
    ...(plan.target !== undefined && { target: plan.target }),
    args: plan.args,
    contexts: Object.keys(plan.contexts),
    platform: plan.platform ?? buildPlatform,
    buildPlatform,
    inherit: () => undefined,
  });
  return new StepReader(plan, inputs, syntax.escape, keyOfImage).read();
}

class StepReader {
  private readonly plan: StepsPlan;
  private readonly inputs: DockerfileInputs;
  private readonly escape: string;
  private readonly keyOfImage: (reference: string) => string | undefined;
  private readonly externals = new Map<string, string>();
  /** Key so far, by stage. */
  private readonly keys = new Map<number, string>();
  private readonly inImage: Set<number>;

  constructor(
    plan: StepsPlan,
    inputs: DockerfileInputs,
    escape: string,
    keyOfImage: (reference: string) => string | undefined,
  ) {
    this.plan = plan;
    this.inputs = inputs;
    this.escape = escape;
    this.keyOfImage = keyOfImage;
    this.inImage = stagesInImage(inputs);
  }

  read(): ImageBuild {
    const labels = stepLabels(this.inputs);
    const steps = this.inputs.instructions.map((instruction, index) =>
      this.step(instruction, labels[index]!),
    );
    const { env } = this.inputs.result;
    return {
      image: this.plan.name,
      steps,
      key: digest([this.stageKey(this.inputs.targetIndex), Object.fromEntries(env)]),
      externals: [...this.externals].map(([pull, name]) => ({ pull, name })),
    };
  }

  private step({ stage, instruction, env, args }: BuildInstruction, label: string): BuildStep {
    const below = this.stageKey(stage);
    const { keyword, rest } = instruction;
    const variables = { ...args, ...env };
    const expand = (word: string): string => expandWord(word, (name) => variables[name], this.escape).text;
    const work: unknown[] = [keyword, instruction.heredocs.map(({ body }) => body)];
    if (keyword === "RUN") {
      const declared = Object.entries(args).filter(([name]) => !proxyArguments.has(name));
      work.push(rest, declared.sort(), Object.entries(env).sort());
      for (const fields of mountFields(instruction)) {
        const type = fields.get("type") ?? "bind";
        work.push([type, fields.get("id"), fields.get("target")]);
        if (type !== "bind") continue;
        work.push(this.mounted(fields.get("from"), expand(fields.get("source") ?? ".")));
      }
    } else {
      work.push(expand(rest), flagOf(instruction, "chmod"), flagOf(instruction, "chown"));
      if (keyword !== "WORKDIR")
        work.push(this.taken(flagOf(instruction, "from"), words(expand(rest)).slice(0, -1)));
    }
    if (this.emptiesCaches) work.push(this.plan.rebuild.count);
    const key = digest([below, work]);
    this.keys.set(stage, key);
    return {
      key,
      work: digest(work),
      label,
      text: `${keyword} ${rest}`,
      isInImage: this.inImage.has(stage),
      ...wantsOf(instruction, {
        ...{ context: this.plan.context, variables, expand },
        copiedFrom: (name, source) => this.copiedFrom(name, source),
      }),
    };
  }

  /** `--no-cache` for want of an ARG REBUILD, as `buildImage` decides. */
  private get emptiesCaches(): boolean {
    return this.plan.rebuild.noCache && this.plan.args["REBUILD"] === undefined;
  }

  private stageKey(stage: number): string {
    const known = this.keys.get(stage);
    if (known !== undefined) return known;
    const key = this.fromKey(this.inputs.stages.get(stage)?.base ?? "scratch");
    this.keys.set(stage, key);
    return key;
  }

  /** Key of what FROM or `from=` names: a stage, a named context, an image. */
  private fromKey(name: string): string {
    const context = Object.keys(this.plan.contexts).find((key) => key.toLowerCase() === name.toLowerCase());
    if (context !== undefined) return `context ${this.plan.contexts[context]}`;
    const stage = stageNamed(name, this.inputs);
    if (stage !== undefined) return this.stageKey(stage);
    if (name.toLowerCase() === "scratch") return "scratch";
    const reference = parseReference(name);
    const pin = reference && this.plan.pins[contextName(reference)]?.replace(/^docker-image:\/\//, "");
    if (pin === undefined) return `image ${name}`;
    if (pin.startsWith("localhost:1/")) return this.keyOfImage(pin) ?? `image ${pin}`;
    this.externals.set(pin, name);
    return `external ${pin.slice(pin.indexOf("/") + 1)}`; // without the address of the cache
  }

  /** What a mount takes. Of a stage that only copies BuildKit's cache goes by the files alone, wherever they came from. */
  private mounted(from: string | undefined, source: string): unknown {
    const path = from === undefined ? undefined : this.copiedFrom(from, source);
    const content = path === undefined ? undefined : this.plan.parts[`file ${path}`];
    return content === undefined ? this.taken(from, [source]) : [source, content];
  }

  /** Path in the build context of a file in a stage from scratch that has nothing but copies of the context. */
  private copiedFrom(name: string, source: string): string | undefined {
    const stage = stageNamed(name, this.inputs);
    if (stage === undefined || this.inputs.stages.get(stage)?.base.toLowerCase() !== "scratch")
      return undefined;
    const own = this.inputs.instructions.filter((one) => one.stage === stage);
    const placed = own.map(({ instruction, env, args }) =>
      instruction.keyword === "COPY"
        ? placedByCopy(instruction, this.plan.dockerfile, "/", (variable) => ({ ...args, ...env })[variable])
        : undefined,
    );
    if (placed.some((one) => !one || one.from !== undefined || one.text !== undefined)) return undefined;
    for (const one of placed.reverse()) {
      const path = sourceOf(one!, absolute(source, "/"), this.plan.context);
      if (path !== undefined) return path.replace(/^\/+/, "");
    }
    return undefined;
  }

  /** What an instruction takes from a stage, an image or a folder. */
  private taken(from: string | undefined, paths: string[]): unknown {
    const context = Object.keys(this.plan.contexts).find((key) => key === from);
    if (from !== undefined && context === undefined) return this.fromKey(from);
    const prefix = `file ${context === undefined ? "" : `${context}:`}`;
    const parts = Object.entries(this.plan.parts).filter(
      ([key]) =>
        key === "files" ||
        (key.startsWith(prefix) && paths.some((path) => holds(path, key.slice(prefix.length)))),
    );
    return [context && this.plan.contexts[context], parts.sort()];
  }
}

/** Whether a path that an instruction names takes in a file; patterns take in all. */
function holds(path: string, file: string): boolean {
  const name = path.replace(/^(\.?\/)+/, "").replace(/\/+$/, "");
  if (name === "" || name === "." || /[*?[]/.test(name)) return true;
  return file === name || file.startsWith(`${name}/`) || (file.endsWith("/") && `${name}/`.startsWith(file));
}

function words(text: string): string[] {
  if (text.startsWith("[")) {
    try {
      return JSON.parse(text) as string[];
    } catch {
      // then the words as they stand
    }
  }
  return text.split(/\s+/);
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
