import { createHash } from "node:crypto";
import { isAbsolute, relative, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { PlanContexts, type ContextContent } from "./plan-contexts.ts";
import type { DockerfileInputs, Inherited } from "./build-inputs.ts";
import { readInputs } from "./dockerfile-inputs.ts";
import { readSyntax, type DockerfileSyntax } from "./dockerfile-syntax.ts";
import { cycleError, orderParentsFirst, TagIndex } from "./image-graph.ts";
import { contextName, familiarName, hashReference, parseReference, withVariant } from "./image-reference.ts";
import type { ExternalDigests } from "./lock-file.ts";
import type { PinnedVersion } from "./pinned-versions.ts";
import { readTextFile } from "./read-text-file.ts";
import type { ImageDefinition, ImagePlan } from "./types.ts";

export interface PlanOptions {
  /** Name of the stack, part of every hash reference. */
  stack: string;
  /** Ending of every friendly tag, so that two stacks share an engine. */
  variant?: string;
  /** Address through which builds fetch a registry's images, e.g. `{"docker.io": "127.0.0.1:5000"}`. In no hash. @default the registry itself */
  cacheAddresses?: Record<string, string>;
  /** Digests of the images that are not the stack's own. */
  digests: ExternalDigests;
  /** Folder that keeps file hashes between runs. */
  stateDir: string;
  /** Earlier versions that images are to be, by name. What stands on them stands on these. @default none */
  pinned?: Map<string, PinnedVersion>;
}

/** Arguments that BuildKit knows without an ARG and keeps out of its cache. */
export const proxyArguments = new Set(
  ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"].flatMap((name) => [
    name,
    name.toUpperCase(),
  ]),
);

/**
 * Works out every image's identity before anything is built: parents, content hash, references. Parents come first.
 * Throws one UserError with a line for each problem found.
 */
export async function planImages(definitions: ImageDefinition[], options: PlanOptions): Promise<ImagePlan[]> {
  return new Planner(definitions, options, await readDockerfiles(definitions)).plan();
}

/** Names of the external images that these definitions stand on, e.g. for filling a lock file. */
export async function externalReferences(definitions: ImageDefinition[]): Promise<string[]> {
  const unused: ExternalDigests = { digestOf: () => Promise.reject(new Error("not asked here")) };
  const planner = new Planner(
    definitions,
    { stack: "x", digests: unused, stateDir: "" },
    await readDockerfiles(definitions),
  );
  return [...new Set(definitions.flatMap(({ name }) => planner.externalsOf(name)))].sort();
}

async function readDockerfiles(definitions: ImageDefinition[]): Promise<Map<string, DockerfileSyntax>> {
  const read = await allOrProblems(definitions, async ({ name, context, dockerfile }) => {
    const path = resolve(context, dockerfile);
    return [
      name,
      readSyntax(await readTextFile(path, `image "${name}": the Dockerfile`), shownPath(path)),
    ] as const;
  });
  return new Map(read);
}

class Planner {
  private readonly definitions: Map<string, ImageDefinition>;
  private readonly options: PlanOptions;
  private readonly syntaxes: Map<string, DockerfileSyntax>;
  private readonly tags: TagIndex;
  private readonly inputs = new Map<string, DockerfileInputs>();
  private readonly reading: string[] = [];
  private readonly plans = new Map<string, ImagePlan>();

  constructor(definitions: ImageDefinition[], options: PlanOptions, syntaxes: Map<string, DockerfileSyntax>) {
    this.definitions = new Map(definitions.map((definition) => [definition.name, definition]));
    this.options = options;
    this.syntaxes = syntaxes;
    this.tags = new TagIndex(definitions);
  }

  async plan(): Promise<ImagePlan[]> {
    const names = [...this.definitions.keys()];
    await allOrProblems(names, async (name) => void this.parentsOf(name));
    const order = orderParentsFirst(names, (name) => this.parentsOf(name));
    const contexts = new PlanContexts(this.options.stateDir);
    const contents = new Map(
      await allOrProblems(order, async (name) => {
        const file = this.syntaxes.get(name)!.file;
        const content = await contexts.describe(this.definitions.get(name)!, this.inputsOf(name), file);
        const externals = await this.digests(name);
        return [name, { content, externals }] as const;
      }),
    );
    await contexts.save();
    for (const name of order) {
      const { content, externals } = contents.get(name)!;
      const plan = this.planOne(name, content, externals);
      this.plans.set(name, withPin(plan, this.options.pinned?.get(name)));
    }
    return order.map((name) => this.plans.get(name)!);
  }

  externalsOf(name: string): string[] {
    return this.usesOf(name)
      .filter(({ reference }) => this.tags.find(reference) === undefined)
      .map(({ reference }) => familiarName(parseReference(reference)!));
  }

  private inputsOf(name: string): DockerfileInputs {
    const known = this.inputs.get(name);
    if (known) return known;
    const definition = this.definitions.get(name)!;
    const start = this.reading.indexOf(name);
    if (start >= 0) throw cycleError([...this.reading.slice(start), name]);
    this.reading.push(name);
    try {
      const syntax = this.syntaxes.get(name)!;
      const inputs = readInputs(syntax, {
        ...(definition.target !== undefined && { target: definition.target }),
        args: argumentsOnOffer(definition),
        contexts: Object.keys(definition.contexts),
        platform: definition.platform ?? buildPlatform,
        buildPlatform,
        inherit: (reference) => this.inherit(reference),
      });
      for (const use of inputs.images) this.tags.refuseNearMiss(use, syntax.file);
      this.inputs.set(name, inputs);
      return inputs;
    } finally {
      this.reading.pop();
    }
  }

  private inherit(reference: string): Inherited | undefined {
    const parent = this.tags.find(reference);
    return parent === undefined ? undefined : this.inputsOf(parent).result;
  }

  /** Images by FROM, --from and mounts, and those that stand behind a named context `docker-image://…`. */
  private usesOf(name: string): { reference: string; line: number }[] {
    const { contexts } = this.definitions.get(name)!;
    const inputs = this.inputsOf(name);
    const named = inputs.contexts.flatMap((context) => {
      const reference = imageOfContext(contexts[context]!);
      if (reference === undefined) return [];
      if (!parseReference(reference))
        throw new UserError(
          `image "${name}": the context ${context} names "${reference}", which is no image reference`,
        );
      return [{ reference, line: 1 }];
    });
    return [...inputs.images, ...named];
  }

  private parentsOf(name: string): string[] {
    const found = this.usesOf(name).map(({ reference }) => this.tags.find(reference));
    return [...new Set(found.filter((parent) => parent !== undefined))];
  }

  private async digests(name: string): Promise<Map<string, string>> {
    const references = [...new Set(this.externalsOf(name))];
    return new Map(
      await Promise.all(
        references.map(async (reference) => {
          const digest =
            parseReference(reference)!.digest ?? (await this.options.digests.digestOf(reference));
          return [reference, digest] as const;
        }),
      ),
    );
  }

  private planOne(name: string, content: ContextContent, externals: Map<string, string>): ImagePlan {
    const definition = this.definitions.get(name)!;
    const inputs = this.inputsOf(name);
    const args = argumentsToPass(definition, inputs);
    const parts: Record<string, string> = {
      dockerfile: digest(inputs.text),
      target: inputs.target,
      platform: definition.platform ?? buildPlatform,
    };
    for (const [argument, value] of Object.entries({ ...Object.fromEntries(inputs.args), ...args }))
      if (value !== undefined && !proxyArguments.has(argument) && argument !== "REBUILD")
        parts[`argument ${argument}`] = value;
    for (const parent of this.parentsOf(name)) parts[`parent ${parent}`] = this.plans.get(parent)!.hash;
    for (const [reference, value] of externals) parts[`external ${reference}`] = value;
    if (definition.rebuild.count > 0) parts.rebuild = String(definition.rebuild.count);
    const sorted = Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1));
    const hash = digest(JSON.stringify([sorted, content.hash]));
    const tags = definition.tags.map((tag) => withVariant(tag, this.options.variant));
    const { contexts, pins } = this.pin(name, externals);
    const base = this.plans.get(this.tags.find(inputs.result.base ?? "") ?? "");
    return {
      ...definition,
      args,
      contexts,
      pins,
      reference: hashReference(this.options.stack, name, tags[0], hash),
      tags,
      parents: this.parentsOf(name),
      hash,
      parts: { ...parts, ...content.parts },
      ...(base && { base: base.reference, basesBelow: basesOf(base) }),
    };
  }

  /** Named contexts of the definition and of every image in the Dockerfile, each fixed to what the hash says. */
  private pin(name: string, externals: Map<string, string>): Pick<ImagePlan, "contexts" | "pins"> {
    const definition = this.definitions.get(name)!;
    const inputs = this.inputsOf(name);
    const pins: Record<string, string> = {};
    for (const { reference, line } of inputs.images) {
      const key = contextName(parseReference(reference)!);
      if (inputs.stageNames.has(key))
        throw new UserError(
          `${this.syntaxes.get(name)!.file}:${line}: a stage has the name of the image ${reference} itself, so the image cannot be pinned; name the stage otherwise or write the image with a tag`,
        );
      pins[key] = this.pinned(reference, externals);
    }
    const contexts: Record<string, string> = {};
    for (const context of inputs.contexts) {
      const reference = imageOfContext(definition.contexts[context]!);
      contexts[context] =
        reference === undefined ? definition.contexts[context]! : this.pinned(reference, externals);
    }
    return { contexts, pins };
  }

  private pinned(reference: string, externals: Map<string, string>): string {
    const parent = this.tags.find(reference);
    if (parent !== undefined) return `docker-image://${this.plans.get(parent)!.reference}`;
    const parsed = parseReference(reference)!;
    const host = this.options.cacheAddresses?.[parsed.host] ?? parsed.host;
    return `docker-image://${host}/${parsed.repository}@${externals.get(familiarName(parsed))}`;
  }
}

/** What an image stands on, nearest first. */
function basesOf({ base, basesBelow = [] }: ImagePlan): string[] {
  return base === undefined ? [] : [base, ...basesBelow];
}

/** The plan where an earlier version is asked for: that one, whatever today's files would give. */
function withPin(plan: ImagePlan, pinned: PinnedVersion | undefined): ImagePlan {
  if (!pinned) return plan;
  const { base: _, basesBelow: __, ...rest } = plan;
  const { reference, hash, parts, tags = plan.tags } = pinned;
  return { ...rest, reference, hash, parts, tags, mustExist: true, filesGive: plan.reference };
}

/** Platform of this machine, e.g. `"linux/amd64"`. */
export const buildPlatform = `linux/${{ x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch}`;

function argumentsOnOffer({ args, rebuild }: ImageDefinition): Record<string, string> {
  return rebuild.count > 0 ? { REBUILD: String(rebuild.count), ...args } : args;
}

/** Those that the needed stages declare, and those that BuildKit takes without an ARG. */
function argumentsToPass(definition: ImageDefinition, inputs: DockerfileInputs): Record<string, string> {
  const builtIn = (name: string): boolean =>
    proxyArguments.has(name) || name.startsWith("BUILDKIT_") || name === "SOURCE_DATE_EPOCH";
  return Object.fromEntries(
    Object.entries(argumentsOnOffer(definition)).filter(([name]) => inputs.args.has(name) || builtIn(name)),
  );
}

/** Reference behind a named context of the form `docker-image://…`. */
function imageOfContext(value: string): string | undefined {
  return value.startsWith("docker-image://") ? value.slice("docker-image://".length) : undefined;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") || isAbsolute(short) ? path : short;
}

/** Does `work` for all items at once; several UserErrors become one with a line for each. */
async function allOrProblems<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = await Promise.allSettled(items.map((item) => work(item)));
  const problems = results
    .filter((result) => result.status === "rejected")
    .map((result) => result.reason as Error);
  const other = problems.find((problem) => !(problem instanceof UserError));
  if (other) throw other;
  if (problems.length > 0)
    throw new UserError([...new Set(problems.map(({ message }) => message))].join("\n"));
  return results.map((result) => (result as PromiseFulfilledResult<R>).value);
}
