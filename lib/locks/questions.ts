import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { satisfies } from "@renovatebot/pep440";
import type { Combination, Pin } from "../cuda/types.ts";
import { lockName } from "../images/definitions.ts";
import { readSecret } from "../secrets/source.ts";
import type { Settings } from "../settings/settings.ts";
import { baseLockNames, pinnedByTorch, torchPackages } from "./base-packages.ts";
import type { ImageInstalls, StackInstalls } from "./combination.ts";
import { baseLockFolder, requirementsFor, serviceLockFile } from "./files.ts";
import { parseLock } from "./lock-text.ts";
import type { Requirement } from "./read-pins.ts";
import { requirementsOf, shownPath } from "./requirement-files.ts";
import type { Requirements } from "./requirements.ts";
import type { Resolution } from "./uv.ts";

/** Whether the packages of one image go together: what has to be asked, or the lock that says it. */
export interface Question {
  /** `"cuda-base"`, or the service's name. */
  image: string;
  /** What the image itself asks for, each with its line. */
  requirements: Requirement[];
  /** Set where a lock has all of it: then nobody has to be asked. */
  lock?: { file: string; versions: Map<string, string> };
  /** A lock is there, but without what is asked for now: a sentence says what. */
  stale?: string;
  resolution: Resolution;
  /** Where each of the resolution's constraints stands, by package. */
  constraintsFrom: Map<string, string>;
  /** The command that asks without a limit of time. */
  command: string;
}

type Versions = Map<string, string>;

/**
 * The questions about a combination: one for the base, one for each service that stands on it.
 * Pins of the combination that differ from those of the files are asked for instead of them.
 */
export async function questionsOf(
  settings: Settings,
  combination: Combination,
  installs: StackInstalls,
): Promise<Question[]> {
  const base = await baseQuestion(settings, combination, installs);
  const services = await Promise.all(
    Object.keys(settings.services).map((name) =>
      serviceQuestion(settings, combination, installs, name, base),
    ),
  );
  return [base, ...services.flatMap((question) => question ?? [])];
}

async function baseQuestion(
  settings: Settings,
  combination: Combination,
  installs: StackInstalls,
): Promise<Question> {
  const { torch, python } = combination;
  const context = join(settings.root, "cuda-base");
  const folder = baseLockFolder(settings.root, lockName({ ...settings.cudaBase, ...combination }));
  const changed = changedPins(combination, installs, "cuda-base-runtime");
  const asked = await requirementsFor(context, torch);
  const companions = ["torchvision", "torchaudio"].map((name) => {
    const pin = changed.find((one) => one.name === name);
    // The same limit as `npm run lock -- base` has: torchaudio names no torch from 2.11 on.
    return pin
      ? `${name}==${withoutLocal(pin.version)}`
      : name === "torchaudio"
        ? `torchaudio<=${torch}`
        : name;
  });
  const requirements = withPins(requirementsOf(settings.root, context, torch, python), changed);
  const own = fromLine(`torch==${torch}`, "gpu-build-host:cudaBase.torch");
  const question: Question = {
    image: "cuda-base",
    requirements: [own, ...requirements],
    resolution: {
      requirements: withLines(asked, [own.text, ...companions], changed),
      python,
      ...indexOf(settings, combination),
      anyAge: pinnedByTorch(),
    },
    constraintsFrom: new Map(),
    command: `npm run lock -- base --stack ${settings.stack} --dry-run`,
  };
  const versions = versionsIn(...baseLockNames.map((name) => join(folder, `${name}.lock`)));
  return proven(question, versions, shownPath(settings.root, folder));
}

async function serviceQuestion(
  settings: Settings,
  combination: Combination,
  installs: StackInstalls,
  name: string,
  base: Question,
): Promise<Question | undefined> {
  const image = installs.images.get(name);
  if (!image || !standsOnBase(installs, image)) return undefined;
  const { torch, python } = combination;
  const { context } = image.definition;
  const changed = changedPins(combination, installs, name);
  const file = serviceLockFile(context, lockName({ ...settings.cudaBase, ...combination }));
  const isLocked = existsSync(join(context, "requirements.in"));
  const found = isLocked
    ? requirementsOf(settings.root, context, torch, python)
    : image.requirements.filter(({ noDeps }) => !noDeps);
  if (found.length === 0) return undefined;
  const requirements = withPins(found, changed);
  const asked: Requirements = isLocked
    ? await requirementsFor(context, torch)
    : { lines: found.map(({ text }) => text), excludeNewerPackages: {} };
  const constraints = constraintsOf(base, torch);
  const question: Question = {
    image: name,
    requirements,
    resolution: {
      requirements: withLines(asked, [], changed),
      python,
      constraints: [...constraints].map(([one, { version }]) => `${one}==${version}`),
      // A version that only a search proposes is newer than the date of the list as it is.
      anyAge: [...pinnedByTorch(), ...changed.map((pin) => pin.name)],
    },
    constraintsFrom: new Map([...constraints].map(([one, { from }]) => [one, from])),
    command: `npm run lock -- service ${name} --stack ${settings.stack} --dry-run`,
  };
  if (!isLocked || !base.lock) return question;
  const own = versionsIn(file);
  if (!own) return question;
  return proven(question, new Map([...base.lock.versions, ...own]), shownPath(settings.root, file));
}

/** Takes a lock for the answer where it has all that is asked for. */
function proven(question: Question, versions: Versions | undefined, file: string): Question {
  if (!versions) return question;
  const wrong = question.requirements.find(({ name, specifiers }) => {
    const version = versions.get(name);
    return (
      version === undefined ||
      (specifiers !== "" && !version.includes("://") && !satisfies(version, specifiers))
    );
  });
  if (!wrong) return { ...question, lock: { file, versions } };
  const has = versions.get(wrong.name);
  const state = has === undefined ? `does not have ${wrong.name}` : `has ${wrong.name} ${has}`;
  return { ...question, stale: `${file} ${state}, and ${wrong.from} asks for ${wrong.text}` };
}

/** Torch and its companions as the base has them; where it has no lock yet, torch alone, and the resolver finds the others. */
function constraintsOf(base: Question, torch: string): Map<string, { version: string; from: string }> {
  const from = "gpu-build-host:cudaBase.torch";
  const versions = base.lock?.versions;
  if (!versions) return new Map([["torch", { version: torch, from }]]);
  return new Map(
    torchPackages.flatMap((name) => {
      const version = versions.get(name);
      if (version === undefined) return [];
      return [
        [name, { version: withoutLocal(version), from: name === "torch" ? from : base.lock!.file }] as const,
      ];
    }),
  );
}

/** Pins of a wanted combination that the stack's files do not have; torch's own versions are asked for by the base. */
function changedPins(combination: Combination, installs: StackInstalls, image: string): Pin[] {
  const now = new Map(installs.pinsOf(image).map(({ name, version }) => [name, version]));
  const wanted = combination.pins[image] ?? [];
  return wanted.filter(({ name, version }) => name !== "torch" && now.get(name) !== version);
}

function withPins(requirements: Requirement[], changed: Pin[]): Requirement[] {
  const pinned = changed.map(({ name, version, from }) => fromLine(`${name}==${version}`, from));
  const kept = requirements.filter(({ name }) => !changed.some((pin) => pin.name === name));
  return [...kept, ...pinned];
}

function withLines(requirements: Requirements, first: string[], changed: Pin[]): Requirements {
  const isChanged = (line: string) => {
    const name = /^[A-Za-z0-9._-]+/
      .exec(line)?.[0]
      .toLowerCase()
      .replace(/[-_.]+/g, "-");
    return changed.some((pin) => pin.name === name);
  };
  const lines = requirements.lines.filter((line) => !isChanged(line));
  const own = changed.filter(({ name }) => !torchPackages.includes(name));
  return {
    ...requirements,
    lines: [...first, ...lines, ...own.map(({ name, version }) => `${name}==${version}`)],
  };
}

function fromLine(text: string, from: string): Requirement {
  const [name = "", version = ""] = text.split("==");
  return { name, text, specifiers: `==${version}`, version, from };
}

/** Index of torch's wheels with its login, where the settings name one. */
function indexOf(settings: Settings, combination: Combination): Pick<Resolution, "index"> {
  const source = settings.cudaBase.packageIndexSecret;
  const secret = source && ("file" in source ? { file: join(settings.root, source.file) } : source);
  const url = (secret && readSecret(secret)) ?? combination.packageIndex;
  return url ? { index: { url, packages: torchPackages } } : {};
}

function standsOnBase(installs: StackInstalls, image: ImageInstalls): boolean {
  for (let parent = image.parent, steps = 0; parent !== undefined && steps < 50; steps++) {
    if (parent.startsWith("cuda-base-")) return true;
    parent = installs.images.get(parent)?.parent;
  }
  return false;
}

function versionsIn(...files: string[]): Versions | undefined {
  if (!files.every((file) => statSync(file, { throwIfNoEntry: false })?.isFile())) return undefined;
  const entries = files.flatMap((file) => [...parseLock(readFileSync(file, "utf8")).entries]);
  return new Map(entries.map(([name, { version }]) => [name, version]));
}

function withoutLocal(version: string): string {
  return version.replace(/\+.*$/, "");
}
