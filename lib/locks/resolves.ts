import envPaths from "env-paths";
import type { Answer, Combination, Fact } from "../cuda/types.ts";
import type { Settings } from "../settings/settings.ts";
import { askUv } from "./ask-uv.ts";
import { torchPackages } from "./base-packages.ts";
import { readStackInstalls } from "./combination.ts";
import { readConflict, type Wanted } from "./conflict.ts";
import { KeptAnswers, type KeptAnswer } from "./kept-answers.ts";
import { questionsOf, type Question } from "./questions.ts";
import { findUv, presentUv, projectName, uvVersion } from "./uv.ts";

export interface ResolvesOptions {
  /** Milliseconds for all questions together. @default 3000 */
  limitMs?: number;
  /** Folder that keeps uv and its answers; it may be deleted at any time. @default the user's cache folder */
  cache?: string;
  /** Install uv where it is missing: a download of 20 MB. @default false, and the answer is unknown */
  installUv?: boolean;
  /** Build packages that have sources only, to know what they need: their code runs. @default false, and the answer is unknown */
  buildSources?: boolean;
  /** Images that are left out of the combination, by name: nobody is asked about them. */
  without?: string[];
}

/** A preview has five seconds for all that it says. */
const defaultLimitMs = 3000;

/**
 * Whether the packages of the base and of each service go together in a combination. Where a lock for it has all that is
 * asked for, the lock is the proof and nobody is asked; else uv is, with a limit of time. Nothing is installed, no wheel
 * fetched. Works, fails and unknown (no uv, no index, no time); never throws for these.
 */
export async function resolves(
  settings: Settings,
  combination: Combination,
  options: ResolvesOptions = {},
): Promise<Answer[]> {
  const { limitMs = defaultLimitMs, cache = envPaths("gpu-build-host", { suffix: "" }).cache } = options;
  const end = Date.now() + limitMs;
  const all = await questionsOf(settings, combination, await readStackInstalls(settings));
  const questions = all.filter(({ image }) => options.without?.includes(image) !== true);
  const uv = questions.every(({ lock }) => lock) ? undefined : await uvOf(cache, options);
  const kept = new KeptAnswers(cache);
  return Promise.all(
    questions.map(async (question) => {
      const { lock } = question;
      if (lock) return lockAnswer(question, lock, combination);
      const known = await kept.get(question.resolution);
      if (known && !(known.without && options.buildSources)) return keptAnswer(question, known, combination);
      if (uv === undefined) return unknown(question, combination, `uv ${uvVersion} is not on this machine`);
      const found = await ask(uv, question, end, options);
      if (typeof found === "string") return unknown(question, combination, found);
      const result = keptAnswer(question, found, combination);
      if (result.verdict !== "unknown" || found.without) await kept.set(question.resolution, found);
      return result;
    }),
  );
}

/**
 * The resolver for `blockersOf`: whether all packages of a combination go together; undefined where that is not known.
 * @param budgetMs milliseconds for all combinations together; what is asked later is undefined at once
 */
export function combinationResolver(
  settings: Settings,
  options: ResolvesOptions & { budgetMs?: number } = {},
): (combination: Combination, without?: string[]) => Promise<boolean | undefined> {
  const { budgetMs = 4000, limitMs = defaultLimitMs } = options;
  const end = Date.now() + budgetMs;
  return async (combination, without) => {
    const left = end - Date.now();
    if (left <= 0) return undefined;
    const limit = { limitMs: Math.min(limitMs, left), without: without ?? [] };
    const answers = await resolves(settings, combination, { ...options, ...limit });
    if (answers.some(({ verdict }) => verdict === "fails")) return false;
    return answers.some(({ verdict }) => verdict === "unknown") ? undefined : true;
  };
}

type Found = Omit<KeptAnswer, "askedAt">;

/**
 * Asks uv; where a package has sources only, once more without it: what clashes without it clashes with it too.
 * @returns a sentence where there is no answer
 */
async function ask(
  uv: string,
  question: Question,
  end: number,
  options: ResolvesOptions,
): Promise<Found | string> {
  const without: string[] = [];
  for (;;) {
    const limitMs = Math.max(end - Date.now(), 100);
    const resolution = { ...question.resolution, without };
    const answer = await askUv(uv, resolution, { limitMs, buildSources: options.buildSources === true });
    if (answer.state === "missing") return "uv cannot be started";
    if (answer.state === "silent")
      return `uv had no answer within ${(options.limitMs ?? defaultLimitMs) / 1000} s`;
    const left = without.length > 0 ? { without } : {};
    if (answer.state === "resolved")
      return {
        ...left,
        versions: Object.fromEntries([...answer.lock.entries].map(([name, { version }]) => [name, version])),
      };
    const { sources } = readConflict(answer.words, { project: projectName }) ?? {};
    if (sources === undefined || without.includes(sources)) return { ...left, words: answer.words };
    without.push(sources);
  }
}

async function uvOf(cache: string, { installUv = false }: ResolvesOptions): Promise<string | undefined> {
  return installUv ? findUv(cache) : presentUv(cache);
}

const rule = "packages-resolve";

function lockAnswer(
  question: Question,
  lock: NonNullable<Question["lock"]>,
  combination: Combination,
): Answer {
  const facts = companions(question, lock.versions, lock.file);
  return {
    rule,
    verdict: "works",
    text: `${lock.file} has packages of ${question.image} that go together: ${listed(facts, combination)}`,
    facts,
    sources: [],
  };
}

function keptAnswer(
  question: Question,
  found: Omit<KeptAnswer, "askedAt">,
  combination: Combination,
): Answer {
  if (found.versions && found.without) {
    const [names, isOne] = [found.without.join(" and "), found.without.length === 1];
    const why = `${names} ${isOne ? "has" : "have"} sources only, and what ${isOne ? "it needs is known once it is" : "they need is known once they are"} built; all else goes together`;
    return unknown(question, combination, why);
  }
  if (found.versions) return worksAnswer(question, new Map(Object.entries(found.versions)), combination);
  const { constraints = [] } = question.resolution;
  const conflict = readConflict(found.words ?? "", { project: projectName, constraints });
  if (!conflict) return unknown(question, combination, `uv says: ${lastWords(found.words ?? "")}`);
  if (conflict.kind === "needs-build" || conflict.kind === "offline")
    return unknown(question, combination, conflict.line);
  // Torch of another index: the service's question knows only the default one.
  const lacksTorch =
    conflict.kind === "no-version" && conflict.wanted.every(({ name }) => torchPackages.includes(name));
  if (lacksTorch && combination.packageIndex && question.image !== "cuda-base")
    return unknown(question, combination, conflict.line);
  return {
    rule,
    verdict: "fails",
    text: `The packages of ${question.image} do not go together ${onTorch(combination)}: ${conflict.line}`,
    facts: conflict.wanted.map((one) => factOf(one, question)),
    place: "install",
    fix: fixOf(conflict.wanted, question),
    sources: [],
  };
}

function worksAnswer(question: Question, versions: Map<string, string>, combination: Combination): Answer {
  const facts = companions(question, versions, "the package index");
  const text = `The packages of ${question.image} go together ${onTorch(combination)}: ${listed(facts, combination)}`;
  const lock = question.command.replace(" --dry-run", "");
  if (question.stale)
    return {
      rule,
      verdict: "works",
      isWarning: true,
      text: `${text}; ${question.stale}`,
      facts,
      place: "install",
      fix: `make the lock again: ${lock}`,
      sources: [],
    };
  return { rule, verdict: "works", text, facts, sources: [] };
}

function unknown(question: Question, combination: Combination, why: string): Answer {
  return {
    rule,
    verdict: "unknown",
    text: `Whether the packages of ${question.image} go together ${onTorch(combination)} is not known: ${why}`,
    facts: [{ name: "torch", value: combination.torch, from: "gpu-build-host:cudaBase.torch" }],
    place: "install",
    fix: `ask without a limit of time: ${question.command}`,
    sources: [],
  };
}

/** What the image asks for by name, and torch's companions: not the hundred packages that come along. */
function companions(question: Question, versions: Map<string, string>, from: string): Fact[] {
  const named = question.requirements.map(({ name }) => name);
  return [...new Set([...torchPackages, ...named])].flatMap((name) => {
    const value = versions.get(name);
    return value === undefined || value.includes("://") ? [] : [{ name, value, from }];
  });
}

function listed(facts: Fact[], { torch }: Combination): string {
  const others = facts.filter(({ name }) => name !== "torch");
  const shown = others.slice(0, 6).map(({ name, value }) => `${name} ${value}`);
  return [`torch ${torch}`, ...shown, ...(others.length > 6 ? [`${others.length - 6} more`] : [])].join(", ");
}

function onTorch({ torch, python }: Combination): string {
  return `with torch ${torch} and Python ${python}`;
}

function factOf({ name, specifiers, by }: Wanted, question: Question): Fact {
  const value = specifiers.replace(/^==(?=[^,]+$)/, "");
  if (by === "requirements") return { name, value, from: originOf(name, question) };
  if (by === "constraints")
    return { name, value, from: question.constraintsFrom.get(name) ?? "gpu-build-host:cudaBase.python" };
  return { name, value, from: by.replace("==", " ") };
}

function originOf(name: string, question: Question): string {
  const own = question.requirements.find((one) => one.name === name)?.from;
  return own ?? question.constraintsFrom.get(name) ?? question.image;
}

/** Change the pin that asks for what cannot be; where no line of the image's own takes part, the base's torch is it. */
function fixOf(wanted: Wanted[], question: Question): string {
  const names = [...wanted.map(({ by }) => by.replace(/[=<>!~].*$/, "")), ...wanted.map(({ name }) => name)];
  const pin = names.map((name) => question.requirements.find((one) => one.name === name)).find(Boolean);
  const then = question.command.replace(" --dry-run", "");
  return pin
    ? `change "${pin.text}" in ${pin.from}, then: ${then}`
    : `change the packages of ${question.image} or cudaBase.torch, then: ${then}`;
}

function lastWords(words: string): string {
  const line = words.split("\n").find((one) => one.trim() !== "") ?? "nothing";
  return line
    .replace(/^error:\s*/, "")
    .trim()
    .slice(0, 200);
}
