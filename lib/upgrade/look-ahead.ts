import type { Bill } from "../bill/types.ts";
import type { HostFacts } from "../cuda/types.ts";
import { askEngine, type EngineAnswer } from "../doctor/engine-answer.ts";
import { isUnknown, type Unknown } from "../doctor/unknown.ts";
import { engineAt } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { hostFacts } from "../host/host-facts.ts";
import { gpuModel } from "../host/gpu-models.ts";
import { askNvidia } from "../host/nvidia.ts";
import { rememberedNvidia } from "../host/remembered.ts";
import { imageDefinitions } from "../images/definitions.ts";
import { planStack, type StackPlan } from "../images/plan-stack.ts";
import type { Settings } from "../settings/settings.ts";
import { recordAllowed } from "./allowed.ts";
import { assess, judgeStack, type Assessment, type AssessParts, type Judgement } from "./assess.ts";
import { judgementKey, keepJudgement, keptJudgement } from "./kept-judgement.ts";
import type { Around } from "./parts.ts";
import type { PreviewLines } from "./preview-lines.ts";
import { stopText } from "./words.ts";

/** Longest wait for nvidia-smi before something is built, in milliseconds. */
const nvidiaWaitMs = 4_000;

/** What is known before anything is declared. */
export interface Outlook {
  settings: Settings;
  host: HostFacts;
  planned: StackPlan | UserError;
  judgement: Judgement;
  engine: EngineAnswer | Unknown;
}

/**
 * Asks host, rules and files. Nothing is changed.
 *
 * @param options.keeps the judgement is kept in the stack's state, and taken from there as long as everything is the same
 */
export async function lookAhead(
  settings: Settings,
  options: { env?: NodeJS.ProcessEnv; plan: () => Promise<StackPlan>; keeps?: boolean },
): Promise<Outlook> {
  const { env = process.env, keeps = false } = options;
  const engine = askEngine(settings.engine.host, settings.sandbox);
  const [host, planned, engineKnown] = await Promise.all([
    hostFacts(settings, {
      env,
      engine: () => engine,
      nvidia: () =>
        rememberedNvidia(settings.stateDir, env, () => askNvidia(env, { timeoutMs: nvidiaWaitMs })),
      modelOf: async (name) => gpuModel(name, (await import("../cuda/data.ts")).cudaData()),
    }),
    options.plan().catch((error: unknown) => {
      if (error instanceof UserError) return error;
      throw error;
    }),
    engine,
  ]);
  const key =
    keeps && !(planned instanceof UserError) ? judgementKey(settings, host, planned.plan.all) : undefined;
  const kept = key === undefined ? undefined : await keptJudgement(settings, key);
  const judgement = kept ?? (await judgeStack({ settings, host }, await partsOf(settings)));
  if (key !== undefined && !kept) await keepJudgement(settings, key, judgement);
  return { settings, host, planned, judgement, engine: engineKnown };
}

/** Rules, data and what reads locks are loaded only when they are needed. */
async function partsOf(settings: Settings, around?: Around): Promise<AssessParts<Bill>> {
  const { partsFor } = await import("./parts.ts");
  return partsFor(settings, around);
}

/**
 * The whole assessment of an outlook: images, bill, what blocks.
 *
 * @param before the settings that are changed from. @default what ran last
 */
export async function wholeAssessment(outlook: Outlook, before?: Settings): Promise<Assessment<Bill>> {
  const { settings, host, planned, judgement, engine } = outlook;
  return assess(
    {
      settings,
      host,
      plan:
        planned instanceof UserError
          ? { problem: planProblem(planned, judgement) }
          : { all: planned.plan.all },
      names: imageDefinitions(settings).map(({ name }) => name),
    },
    await partsOf(settings, {
      ...(!isUnknown(engine) && { engine: engineAt(settings.engine.host) }),
      ...(!(planned instanceof UserError) && { planned }),
      ...(before && { before }),
    }),
    Promise.resolve(judgement),
  );
}

/**
 * The plan of a stack that may go on.
 *
 * @throws UserError where a rule fails that nobody allowed, or where the images cannot be planned.
 */
export async function planOrStop(outlook: Outlook): Promise<StackPlan> {
  const { settings, host, planned, judgement } = outlook;
  if (judgement.stops) {
    const { blockers } = await wholeAssessment(outlook);
    const further = planned instanceof UserError ? [planProblem(planned, judgement)].filter(Boolean) : [];
    throw new UserError(stopText(settings, host, { ...judgement, ...(blockers && { blockers }) }, further));
  }
  if (planned instanceof UserError) throw planned;
  return planned;
}

/** Plans a running Pulumi program's stack, or stops it; in an update, what was allowed is written down. */
export async function checkedPlan(
  settings: Settings,
  isPreview: boolean,
): Promise<{ planned: StackPlan; outlook: Outlook }> {
  const outlook = await lookAhead(settings, {
    keeps: true,
    plan: () => planStack(settings, { isPreview: true }),
  });
  const planned = await planOrStop(outlook);
  if (!isPreview) {
    await planned.saveDigests?.();
    await recordAllowed(settings, outlook.judgement);
  }
  return { planned, outlook };
}

/** What a preview says beside Pulumi's own list of changes. */
export async function previewOf(outlook: Outlook): Promise<PreviewLines> {
  const { previewLines } = await import("./preview-lines.ts");
  const assessment = await wholeAssessment(outlook);
  const { billLines, diskWarning } = await import("../bill/words.ts");
  const { bill } = assessment;
  const warning = bill && diskWarning(bill);
  if (warning) assessment.warnings.push(warning);
  return previewLines(outlook, assessment, bill ? billLines(bill) : []);
}

/** Why images cannot be planned, on one line; empty where it is only that locks are missing, which the judgement says. */
function planProblem({ message }: UserError, { warnings }: Judgement): string {
  const lines = message.split("\n").map((line) => line.trim());
  const isSaid = (line: string) =>
    warnings.some((warning) => warning.includes(" make ")) &&
    (line.includes("is not in the context") || line.startsWith("No lock "));
  return lines.filter((line) => line && !isSaid(line)).join("; ");
}
