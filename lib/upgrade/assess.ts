import type { Blockers } from "../cuda/blockers.ts";
import { unknown } from "../cuda/rules/answers.ts";
import type { Answer, Combination, HostFacts, Verdict } from "../cuda/types.ts";
import type { Forecast } from "../images/rebuilds.ts";
import type { ImagePlan } from "../images/types.ts";
import type { Settings } from "../settings/settings.ts";

/** One image that `up` will change. */
export interface ImageChange {
  name: string;
  tags: string[];
  /** `build`: made anew. `reuse`: the engine has it from an earlier time. `retag`: only names move. `missing`: pinned and gone. */
  will: Exclude<Forecast["will"], "nothing">;
  reasons: string[];
}

/** What can be said of a stack before anything is built. Plain JSON. */
export interface Assessment<B = unknown> {
  verdict: Verdict;
  /** What every rule says, those that fail first. */
  reasons: Answer[];
  /** Rules that fail and that the settings allow to (`allowIncompatible`). */
  allowed: string[];
  /** Only where something fails. */
  blockers?: Blockers;
  /** Images that `up` will make, take from an earlier time, or give other names. */
  images: ImageChange[];
  bill: B | null;
  /** A line each: what is good to know and stops nothing. */
  warnings: string[];
}

/** The parts that an assessment is put together from; each may be fed by a test. */
export interface AssessParts<B = unknown> {
  /** What the settings and the project's files ask for; `missing`: a line for each lock that is to be made. */
  combination(settings: Settings): Promise<{ combination: Combination; missing: string[] }>;
  judge(combination: Combination, host: HostFacts): Answer[];
  verdict(answers: Answer[]): Verdict;
  /** What a resolver says of packages that no lock pins for this combination. */
  resolves(settings: Settings, combination: Combination): Promise<Answer[]>;
  blockers(
    before: Combination | undefined,
    wanted: Combination,
    host: HostFacts,
    settings: Settings,
  ): Promise<Blockers>;
  /** What `up` is going to do with each image; `note` where it is not sure. */
  forecast(plan: ImagePlan[]): Promise<{ images: Forecast[]; note?: string }>;
  bill(plan: ImagePlan[], images: Forecast[]): Promise<B>;
  /** Further lines: tags that moved, questions without an answer. */
  warnings(plan: ImagePlan[]): Promise<string[]>;
  /** The settings that ran last. */
  before(): Promise<Settings | undefined>;
}

/** What is asked for, and how far to go. */
export interface AssessQuestion {
  settings: Settings;
  host: HostFacts;
  /** Every image, or why they could not be planned. */
  plan: { all: ImagePlan[] } | { problem: string };
  /** Names of all images, also where they could not be planned. */
  names: string[];
}

/** Verdict and reasons alone: what stops preview and up. */
export interface Judgement extends Pick<Assessment, "verdict" | "reasons" | "allowed" | "warnings"> {
  /** What was judged; none where the files could not be read. */
  combination?: Combination;
  /** Whether it must stop: something fails that nobody allowed. */
  stops: boolean;
}

/** The rule of the answers that a resolver gives. */
const resolverRule = "packages-resolve";

/** The way to the GPU is set up on the host at any time: it is said, and stops nothing. */
const mendedWithoutBuild = "gpu-access";

/** Whether an answer stops preview and up: it fails, and nobody allowed it. */
function isStopping({ verdict, rule }: Answer, { allowIncompatible }: Settings): boolean {
  return verdict === "fails" && rule !== mendedWithoutBuild && !allowIncompatible.includes(rule);
}

/** Asks the rules and the resolver. A file that cannot be read makes the verdict unknown, never an exception. */
export async function judgeStack<B>(
  { settings, host }: Pick<AssessQuestion, "settings" | "host">,
  parts: AssessParts<B>,
): Promise<Judgement> {
  const read = await attempt(() => parts.combination(settings));
  const warnings: string[] = [];
  const reasons: Answer[] = [];
  if ("problem" in read) reasons.push(unknown("pins-read", "install", { text: read.problem, facts: [] }));
  else {
    const { combination, missing } = read.value;
    warnings.push(...grouped(missing));
    reasons.push(...parts.judge(combination, host));
    // A resolver takes seconds: where the rules say no already, nobody waits for it.
    const isDecided = reasons.some((answer) => isStopping(answer, settings));
    const resolved = isDecided ? { value: [] } : await attempt(() => parts.resolves(settings, combination));
    if ("problem" in resolved) reasons.push(unresolved(resolved.problem));
    else reasons.push(...resolved.value);
    if (!isDecided && missing.length > 0 && "value" in resolved && resolved.value.length === 0)
      reasons.push(unresolved("no lock is there for it"));
  }
  reasons.sort((a, b) => rank(a) - rank(b));
  const failing = [...new Set(reasons.filter(({ verdict }) => verdict === "fails").map(({ rule }) => rule))];
  const allowed = failing.filter((rule) => settings.allowIncompatible.includes(rule));
  for (const rule of settings.allowIncompatible.filter((name) => !failing.includes(name)))
    warnings.push(
      `gpu-build-host:allowIncompatible names ${rule}, which does not fail here${failing.length > 0 ? ` (${failing.join(", ")} ${failing.length === 1 ? "does" : "do"})` : ""}: take it out`,
    );
  return {
    verdict: parts.verdict(reasons),
    reasons,
    allowed,
    warnings,
    stops: reasons.some((answer) => isStopping(answer, settings)),
    ...("value" in read && { combination: read.value.combination }),
  };
}

/** Everything that can be said before something is built; nothing is changed, and nothing is thrown for what cannot be found out. */
export async function assess<B>(
  question: AssessQuestion,
  parts: AssessParts<B>,
  judged: Promise<Judgement> = judgeStack(question, parts),
): Promise<Assessment<B>> {
  const { settings, host, plan } = question;
  const [judgement, changes, moved] = await Promise.all([
    judged,
    imagesAndBill(question, parts),
    "all" in plan ? attempt(() => parts.warnings(plan.all)) : { value: [] },
  ]);
  const { allowed, combination } = judgement;
  // A "works" of the rules is none where no image can be built.
  const unplanned =
    "problem" in plan && plan.problem
      ? [unknown("images-planned", "build", { text: plan.problem, facts: [] })]
      : [];
  const reasons = [...judgement.reasons, ...unplanned].sort((a, b) => rank(a) - rank(b));
  const verdict = unplanned.length > 0 ? parts.verdict(reasons) : judgement.verdict;
  // The search for what blocks asks the rules: it knows nothing of what only a resolver refuses.
  const isByRule = reasons.some((answer) => answer.verdict === "fails" && answer.rule !== resolverRule);
  const blockers =
    isByRule && combination
      ? await attempt(async () => parts.blockers(await combinationBefore(parts), combination, host, settings))
      : undefined;
  return {
    verdict,
    reasons,
    allowed,
    ...(blockers && "value" in blockers && { blockers: blockers.value }),
    images: changes.images,
    bill: changes.bill,
    warnings: [
      ...judgement.warnings,
      ...changes.notes,
      ...("value" in moved ? moved.value : [moved.problem]),
      ...(blockers && "problem" in blockers
        ? [`what blocks could not be found out: ${blockers.problem}`]
        : []),
    ],
  };
}

async function imagesAndBill<B>(
  { plan, names }: AssessQuestion,
  parts: AssessParts<B>,
): Promise<{ images: ImageChange[]; bill: B | null; notes: string[] }> {
  if ("problem" in plan)
    return {
      images: names.map((name) => ({ name, tags: [], will: "build", reasons: ["cannot be planned yet"] })),
      bill: null,
      notes: [],
    };
  const forecast = await attempt(() => parts.forecast(plan.all));
  if ("problem" in forecast)
    return {
      images: [],
      bill: null,
      notes: [`images to be rebuilt could not be found out: ${forecast.problem}`],
    };
  const { images, note } = forecast.value;
  const bill = await attempt(() => parts.bill(plan.all, images));
  const tags = new Map(plan.all.map((image) => [image.name, image.tags]));
  return {
    images: images.flatMap(({ image, will, reasons }) =>
      will === "nothing" ? [] : [{ name: image, tags: tags.get(image) ?? [], will, reasons }],
    ),
    bill: "value" in bill ? bill.value : null,
    notes: [
      ...(note ? [note] : []),
      ...("problem" in bill ? [`the bill could not be made: ${bill.problem}`] : []),
    ],
  };
}

async function combinationBefore<B>(parts: AssessParts<B>): Promise<Combination | undefined> {
  const before = await attempt(() => parts.before());
  if (!("value" in before) || !before.value) return undefined;
  const settings = before.value;
  const read = await attempt(() => parts.combination(settings));
  return "value" in read ? read.value.combination : undefined;
}

/** Lines that end in the same command, as one: `"a and 2 more do not exist yet; make them: npm run lock -- base"`. */
function grouped(lines: string[]): string[] {
  const groups = new Map<string, string[]>();
  for (const line of lines) {
    const command = / does not exist yet; make it: (.*)$/.exec(line)?.[1] ?? line;
    groups.set(command, [...(groups.get(command) ?? []), line]);
  }
  return [...groups].map(([command, [line, ...more]]) =>
    more.length === 0
      ? line!
      : `${line!.split(" ")[0]} and ${more.length} more do not exist yet; make them: ${command}`,
  );
}

function unresolved(problem: string): Answer {
  const text = `whether the packages fit together could not be asked: ${problem}`;
  return unknown(resolverRule, "install", { text, facts: [] });
}

/** Fails, unknown, warnings, then what works. */
function rank({ verdict, isWarning }: Answer): number {
  if (verdict === "works") return isWarning ? 2 : 3;
  return verdict === "fails" ? 0 : 1;
}

/** What work gives, or why it does not, on one line. */
async function attempt<T>(work: () => Promise<T>): Promise<{ value: T } | { problem: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { problem: (error as Error).message.trim().replace(/\s*\n\s*/g, "; ") };
  }
}
