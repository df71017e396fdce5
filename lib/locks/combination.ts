import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Combination, Pin } from "../cuda/types.ts";
import { UserError } from "../errors.ts";
import { readSyntax } from "../images/dockerfile-syntax.ts";
import { imageDefinitions, lockName } from "../images/definitions.ts";
import { TagIndex } from "../images/image-graph.ts";
import { readTextFile } from "../images/read-text-file.ts";
import type { ImageDefinition, ImagePlan } from "../images/types.ts";
import type { Settings } from "../settings/settings.ts";
import { baseLockOf } from "./base-packages.ts";
import { baseLockFolder, serviceLockFile } from "./files.ts";
import { readInstalled, type Installed } from "./installed.ts";
import { pinsOf, type Requirement } from "./read-pins.ts";
import { requirementsOf, shownPath } from "./requirement-files.ts";

/** What a stack asks for, and the files that it lacks. */
export interface StackCombination {
  combination: Combination;
  /** A sentence for each file that is not there, with the command that makes it. */
  missing: string[];
}

/**
 * Reads from the stack's own files which versions its images install: locks, requirements files, and `pip install` and
 * `uv pip install` of the Dockerfiles. Where a lock is missing, the exact versions of its `requirements.in` stand for it.
 * @param plan where it is given, an image that stays at an earlier version (`mustExist`) has no pins: today's files do not say them
 * Throws a UserError, a line for each problem, where a file does not parse.
 */
export async function combinationOf(settings: Settings, plan: ImagePlan[] = []): Promise<StackCombination> {
  const stack = await readStackInstalls(settings);
  const base = settings.cudaBase;
  const names = [...stack.images.keys()].filter(
    (name) => !plan.some((image) => image.name === name && image.mustExist),
  );
  const environments = names.map((name) => [name, stack.images.get(name)!.environment] as const);
  const combination: Combination = {
    cuda: base.cuda,
    cudaImage: base.image,
    torch: base.torch,
    python: base.python,
    ...(base.packageIndex && { packageIndex: base.packageIndex }),
    cudaArchitectures: base.cudaArchitectures,
    pins: Object.fromEntries(names.map((name) => [name, stack.pinsOf(name)])),
    environment: Object.fromEntries(environments.map(([name, values]) => [name, Object.fromEntries(values)])),
  };
  return { combination, missing: [...new Set(stack.missing)] };
}

/** What every image of a stack installs by itself. */
export interface StackInstalls {
  images: Map<string, ImageInstalls>;
  missing: string[];
  /** Exact versions in an image, those of the images below it included; its own win. */
  pinsOf(name: string): Pin[];
}

export interface ImageInstalls extends Installed {
  definition: ImageDefinition;
  /** Image of the stack that it stands on. */
  parent?: string;
  /** Exact versions of `requirements.in`, where the lock that comes from it is not there. */
  instead: Requirement[];
}

/** Reads what every image of a stack installs. Throws a UserError, a line for each problem. */
export async function readStackInstalls(settings: Settings): Promise<StackInstalls> {
  const definitions = new Map(imageDefinitions(settings).map((one) => [one.name, one]));
  const tags = new TagIndex([...definitions.values()]);
  const texts = new Map(
    await Promise.all(
      [...definitions.values()].map(async ({ name, context, dockerfile }) => {
        const what = `image "${name}": the Dockerfile`;
        return [name, await readTextFile(resolve(context, dockerfile), what)] as const;
      }),
    ),
  );
  const images = new Map<string, ImageInstalls>();
  const problems: string[] = [];
  const reading = new Set<string>();
  const read = (name: string): ImageInstalls | undefined => {
    const known = images.get(name);
    if (known || reading.has(name)) return known; // a circle is said by the planner
    reading.add(name);
    try {
      const definition = definitions.get(name)!;
      const found = readImage(settings, definition, texts.get(name)!, (reference) => {
        const parent = tags.find(reference);
        return parent === undefined ? undefined : read(parent)?.environment;
      });
      const parent = found.base === undefined ? undefined : tags.find(found.base);
      const instead = insteadOf(settings, definition, found);
      const image = { ...found, definition, instead, ...(parent !== undefined && { parent }) };
      images.set(name, image);
      return image;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message);
      return undefined;
    } finally {
      reading.delete(name);
    }
  };
  for (const name of definitions.keys()) read(name);
  if (problems.length > 0) throw new UserError([...new Set(problems)].join("\n"));
  const inOrder = new Map([...definitions.keys()].map((name) => [name, images.get(name)!]));
  const pinsIn = (name: string, depth = 0): Pin[] => {
    const image = images.get(name);
    if (!image || depth > images.size) return [];
    const own = [...pinsOf(image.instead), ...pinsOf(image.requirements)];
    const below = image.parent === undefined ? [] : pinsIn(image.parent, depth + 1);
    const byName = new Map([...below, ...own].map((pin) => [pin.name, pin]));
    return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const missing = [...images.values()].flatMap((image) => missingIn(settings, image));
  return { images: inOrder, missing, pinsOf: (name) => pinsIn(name) };
}

function readImage(
  settings: Settings,
  definition: ImageDefinition,
  text: string,
  inherit: (reference: string) => Map<string, string> | undefined,
): Installed {
  const path = resolve(definition.context, definition.dockerfile);
  return readInstalled(readSyntax(text, shownPath(settings.root, path)), {
    root: settings.root,
    text,
    context: definition.context,
    contexts: definition.contexts,
    args: definition.args,
    ...(definition.target !== undefined && { target: definition.target }),
    python: settings.cudaBase.python,
    inherit,
    remedyOf: (file) => {
      const command = commandFor(settings, definition, file);
      return command && `restore it, or make it again: ${command}`;
    },
  });
}

/** The exact versions of `requirements.in`, where the lock that is made from it is missing. Torch's are the base's. */
function insteadOf(settings: Settings, definition: ImageDefinition, found: Installed): Requirement[] {
  const lacks = found.missing.some(({ path }) => commandFor(settings, definition, path) !== undefined);
  if (!lacks) return [];
  const { torch, python } = settings.cudaBase;
  const requirements = requirementsOf(settings.root, definition.context, torch, python);
  const packages = requirements.filter(({ name }) => baseLockOf(name) === "python");
  if (definition.context !== join(settings.root, "cuda-base")) return packages;
  const from = "gpu-build-host:cudaBase.torch";
  return [
    { name: "torch", text: `torch==${torch}`, specifiers: `==${torch}`, version: torch, from },
    ...packages,
  ];
}

function missingIn(settings: Settings, { definition, missing }: ImageInstalls): string[] {
  return missing.map(({ path, from }) => {
    const command = commandFor(settings, definition, path);
    const shown = shownPath(settings.root, path);
    return command === undefined
      ? `${shown} does not exist, and ${from} installs from it; write it or correct that line`
      : `${shown} does not exist yet; make it: ${command}`;
  });
}

/** The command that makes a lock; undefined for any other file. */
function commandFor(settings: Settings, definition: ImageDefinition, path: string): string | undefined {
  const { context, name } = definition;
  if (!existsSync(join(context, "requirements.in"))) return undefined;
  const lock = lockName(settings.cudaBase);
  const isBase = context === join(settings.root, "cuda-base");
  if (isBase && dirname(path) === baseLockFolder(settings.root, lock))
    return `npm run lock -- base --stack ${settings.stack}`;
  if (isBase || path !== serviceLockFile(context, lock)) return undefined;
  return `npm run lock -- service ${name} --stack ${settings.stack}`;
}
