import { UserError } from "../errors.ts";
import { bring, EditedMeanwhile, mirrorsIn, type Step, type Target } from "./converge.ts";
import { withHostLock } from "./host-lock.ts";
import type { ManagedDaemon } from "./identify.ts";
import { fingerprint, planFile, type Ledger, type Plan } from "./ledger.ts";
import { backUp, readLedger, removeLedger, writeLedger } from "./ledger-file.ts";
import type { FileText } from "./merge.ts";
import { readDaemonJson } from "./read-file.ts";
import { validateCandidate } from "./validate.ts";

/** Time limits in milliseconds. */
export interface Limits {
  /** For another run on this host to finish. */
  lockMs: number;
  /** For a mirror to answer. */
  mirrorMs: number;
  /** For the daemon to take a change. */
  verifyMs: number;
}

export const DEFAULT_LIMITS: Limits = { lockMs: 60_000, mirrorMs: 10_000, verifyMs: 10_000 };

/** How a change is told about and cut off. */
export interface Manner {
  ledgerFolder: string;
  /** What happens now, for a progress line. */
  log: (message: string, severity: "progress" | "info" | "warning") => void;
  signal?: AbortSignal;
  limits?: Partial<Limits>;
  onStep?: (step: Step) => Promise<void> | void;
}

/** What a stack wants of one daemon.json. No mirrors: it leaves. */
export interface Settlement {
  file: string;
  daemon: ManagedDaemon | undefined;
  stack: string;
  mirrors: string[];
  /** Mirrors that the stack set before, by its own record: used where the ledger is lost. */
  previously: string[];
}

/**
 * Makes daemon.json, ledger and daemon agree with what a stack wants, under the host's lock. Killed at any moment it leaves
 * a whole file, and the next call finishes the work. A change that the daemon does not take is undone.
 */
export async function settle(settlement: Settlement, manner: Manner): Promise<void> {
  const { stack, file } = settlement;
  const { signal } = manner;
  const lock = {
    stack,
    waitMs: manner.limits?.lockMs ?? DEFAULT_LIMITS.lockMs,
    ...(signal ? { signal } : {}),
    onWait: (holder: { stack: string; pid: number } | undefined) =>
      manner.log(
        `waiting for ${holder ? `stack "${holder.stack}" (process ${holder.pid})` : "another run"} to finish with ${file}`,
        "info",
      ),
  };
  await withHostLock(`daemon:${file}`, lock, async () => {
    await manner.onStep?.("locked");
    for (let attempt = 1; ; attempt++) {
      try {
        return await settleOnce(settlement, manner);
      } catch (error) {
        if (!(error instanceof EditedMeanwhile) || attempt === 3) throw error;
      }
    }
  });
}

async function settleOnce(settlement: Settlement, manner: Manner): Promise<void> {
  const { file, daemon, stack, mirrors } = settlement;
  const onStep = manner.onStep ?? (() => undefined);
  let touched = false;
  const noteStep = (step: Step) => {
    touched ||= step === "file-written" || step === "reloaded";
    return onStep(step);
  };
  const target: Target = {
    file,
    daemon,
    onStep: noteStep,
    verifyMs: manner.limits?.verifyMs ?? DEFAULT_LIMITS.verifyMs,
  };
  const now = new Date();

  const current = await readDaemonJson(file);
  const { ledger, problem } = await readLedger(manner.ledgerFolder, file);
  warnIfLost(settlement, ledger, problem, manner);
  const plan = planFile(file, current, ledger, {
    stack,
    pointer: "/registry-mirrors",
    elements: mirrors,
    previously: settlement.previously,
    now,
    fileRequired: daemon?.flags.configFileGiven ?? false,
  });
  const leaves = plan.ledger.claims.length === 0;
  if (mirrors.length > 0) refuseFlagClash(daemon, plan);
  if (daemon && plan.text !== null && plan.text !== current) {
    manner.log(`trying the new ${file} with dockerd --validate`, "progress");
    await validateCandidate(daemon, plan.text, manner.ledgerFolder);
  }
  manner.signal?.throwIfAborted();

  if (ledger || !leaves || plan.text !== current) {
    await writeLedger(manner.ledgerFolder, plan.ledger);
    await onStep("ledger-written");
  }
  const backup =
    current !== null && plan.text !== current
      ? await backUp(manner.ledgerFolder, file, current, now)
      : undefined;
  await onStep("backed-up");
  manner.log(
    plan.text === current ? "checking the running daemon" : `writing ${file} and reloading dockerd`,
    "progress",
  );
  try {
    await bring(target, current, plan.text);
  } catch (error) {
    if (error instanceof EditedMeanwhile) throw error;
    throw await rollBack(target, manner, { touched, current, plan, former: ledger, backup, error });
  }
  if (leaves) await removeLedger(manner.ledgerFolder, file);
  await onStep("ledger-removed");
}

function warnIfLost(
  settlement: Settlement,
  ledger: Ledger | undefined,
  problem: string | undefined,
  manner: Manner,
): void {
  if (problem) manner.log(problem, "warning");
  if (ledger || settlement.previously.length === 0) return;
  manner.log(
    `no record says what ${settlement.file} was before: only ${settlement.previously.join(", ")} (as this stack remembers) ` +
      "is taken for ours, claims of other stacks come back with their next `pulumi up`",
    "warning",
  );
}

function refuseFlagClash(daemon: ManagedDaemon | undefined, plan: Plan): void {
  const flag = daemon?.flags.registryMirrors[0];
  if (!daemon || flag === undefined || mirrorsIn(plan.text) === undefined) return;
  throw new UserError(
    `dockerd (process ${daemon.process.pid}) was started with --registry-mirror ${flag}, and refuses the same setting in ${daemon.file}: ` +
      "remove the flag (systemctl cat docker shows where it stands), restart Docker, then run again",
  );
}

interface Failure {
  /** File or daemon were changed before it failed. */
  touched: boolean;
  current: FileText;
  plan: Plan;
  former: Ledger | undefined;
  backup: string | undefined;
  error: unknown;
}

/** Puts back what was there, and returns the error to throw: with both causes if going back failed too. */
async function rollBack(target: Target, manner: Manner, failure: Failure): Promise<Error> {
  const first = messageOf(failure.error);
  try {
    if (failure.touched) {
      manner.log(`undoing the change of ${target.file}`, "progress");
      const found = await readDaemonJson(target.file);
      if (!failure.plan.ledger.known.includes(fingerprint(found))) {
        throw new UserError(`${target.file} was edited by somebody else meanwhile and was left as it is`);
      }
      await bring({ ...target, onStep: () => undefined }, found, failure.current);
    }
    if (failure.former) await writeLedger(manner.ledgerFolder, failure.former);
    else await removeLedger(manner.ledgerFolder, target.file);
    return failure.touched
      ? new UserError(`${first}. ${target.file} has its former content again`)
      : asError(failure.error);
  } catch (second) {
    const copy = failure.backup ? `; its former content is in ${failure.backup}` : "";
    return new UserError(`${first}. Going back failed too: ${messageOf(second)}${copy}`);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function messageOf(error: unknown): string {
  return asError(error).message;
}
