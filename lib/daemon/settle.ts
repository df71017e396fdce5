import { messageOf, UserError } from "../errors.ts";
import { bring, EditedMeanwhile, type Step, type Target } from "./converge.ts";
import { dropJournal, writeJournal } from "./cut-off-restart.ts";
import { refuseFlagClash } from "./flag-clash.ts";
import { withHostLock } from "./host-lock.ts";
import type { ManagedDaemon } from "./identify.ts";
import { fingerprint, type Ledger } from "./ledger.ts";
import { backUp, removeLedger, writeLedger } from "./ledger-file.ts";
import type { FileText } from "./merge.ts";
import { topKey } from "./pointer.ts";
import { prepare, restartRefusal, type Prepared, type Settlement } from "./prepare.ts";
import { readDaemonJson } from "./read-file.ts";
import { closeService, serviceOf, storedService } from "./service.ts";
import { validateCandidate } from "./validate.ts";

/** Time limits in milliseconds. */
export interface Limits {
  /** For another run on this host to finish. */
  lockMs: number;
  /** For a mirror to answer. */
  mirrorMs: number;
  /** For a mirror on this engine to be back after a restart. */
  mirrorBackMs: number;
  /** For the daemon to take a change. */
  verifyMs: number;
  /** For a restart of the daemon. */
  restartMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  lockMs: 60_000,
  mirrorMs: 10_000,
  mirrorBackMs: 30_000,
  verifyMs: 10_000,
  restartMs: 120_000,
};

/** How a change is told about and cut off. */
export interface Manner {
  ledgerFolder: string;
  /** What happens now, for a progress line. */
  log: (message: string, severity: "progress" | "info" | "warning") => void;
  signal?: AbortSignal;
  limits?: Partial<Limits>;
  onStep?: (step: Step) => Promise<void> | void;
  /** Asked after a restart: where it throws, the change is undone like one that dockerd does not take. */
  proveRestart?: () => Promise<void>;
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
  const { file, daemon, entries } = settlement;
  const onStep = manner.onStep ?? (() => undefined);
  const now = new Date();
  const prepared = await prepare(settlement, manner.ledgerFolder, now);
  const { current, plan, ledger, restart } = prepared;
  warnIfLost(settlement, prepared, manner);
  const leaves = plan.ledger.claims.length === 0;
  const restarts = restart.length > 0 && settlement.allowRestart;
  if (daemon) {
    await refuseFlagClash(daemon, [...new Set(entries.map(({ pointer }) => topKey(pointer)))]);
    if (restart.length > 0 && !restarts) await refuseOrWarn(daemon, settlement, prepared, manner);
    if (plan.text !== null && (plan.text !== current || restarts)) {
      manner.log(`trying the new ${file} with dockerd --validate`, "progress");
      await validateCandidate(daemon, { text: plan.text, restarts, entries }, manner.ledgerFolder);
    }
  }
  manner.signal?.throwIfAborted();

  const { outdated, ...settled } = plan.ledger;
  if (ledger || !leaves || plan.text !== current) {
    await writeLedger(manner.ledgerFolder, { ...settled, outdated });
    await onStep("ledger-written");
  }
  const backup =
    current !== null && plan.text !== current
      ? await backUp(manner.ledgerFolder, file, current, now)
      : undefined;
  await onStep("backed-up");
  const how = restarts ? "restarting" : "reloading";
  manner.log(
    plan.text === current && !restarts ? "checking the running daemon" : `writing ${file} and ${how} dockerd`,
    "progress",
  );
  const seen = new Set<Step>();
  const target: Target = {
    file,
    daemon,
    service: daemon && restarts ? await serviceOf(daemon.process) : undefined,
    touched: plan.ledger.touched,
    isOutdated: prepared.isOutdated,
    proveRestart: manner.proveRestart,
    onStep: (step) => {
      seen.add(step);
      return onStep(step);
    },
    verifyMs: manner.limits?.verifyMs ?? DEFAULT_LIMITS.verifyMs,
    restartMs: manner.limits?.restartMs ?? DEFAULT_LIMITS.restartMs,
  };
  const { service } = target;
  try {
    if (daemon && service) {
      await writeJournal(manner.ledgerFolder, {
        dockerHost: `unix://${daemon.socketPath}`,
        file,
        former: current,
        wanted: plan.text,
        formerLedger: ledger ?? null,
        service: storedService(service),
      });
    }
    await bring(target, current, plan.text);
    await dropJournal(manner.ledgerFolder, file);
  } catch (error) {
    if (error instanceof EditedMeanwhile) {
      await dropJournal(manner.ledgerFolder, file);
      throw error;
    }
    throw await rollBack(target, manner, {
      seen,
      current,
      known: plan.ledger.known,
      former: ledger,
      backup,
      error,
    });
  } finally {
    closeService(target.service);
  }
  if (leaves) await removeLedger(manner.ledgerFolder, file);
  else if (outdated) await writeLedger(manner.ledgerFolder, settled);
  await onStep("ledger-removed");
}

/** A stack that leaves must be able to, whatever Docker still holds; one that wants something is told before it is written. */
async function refuseOrWarn(
  daemon: ManagedDaemon,
  settlement: Settlement,
  prepared: Prepared,
  manner: Manner,
): Promise<void> {
  if (settlement.entries.length > 0) throw await restartRefusal(daemon, prepared);
  manner.log(
    `${prepared.restart.join(", ")}: taken out of ${settlement.file}, but in use until Docker's next restart ` +
      "(sudo systemctl restart docker stops containers, so it is left to you)",
    "warning",
  );
}

function warnIfLost(settlement: Settlement, { ledger, problem }: Prepared, manner: Manner): void {
  if (problem) manner.log(problem, "warning");
  if (ledger || settlement.previously.length === 0) return;
  const ours = settlement.previously.map((entry) => ("element" in entry ? entry.element : entry.pointer));
  manner.log(
    `no record says what ${settlement.file} was before: only ${ours.join(", ")} (as this stack remembers) ` +
      "is taken for ours, claims of other stacks come back with their next `pulumi up`",
    "warning",
  );
}

interface Failure {
  /** The steps that were taken before it failed. */
  seen: Set<Step>;
  current: FileText;
  /** Fingerprints of the texts that are ours to replace. */
  known: string[];
  former: Ledger | undefined;
  backup: string | undefined;
  error: unknown;
}

/** Puts back what was there, and returns the error to throw: with both causes if going back failed too. */
async function rollBack(target: Target, manner: Manner, failure: Failure): Promise<Error> {
  const first = messageOf(failure.error);
  const touched =
    failure.seen.has("file-written") || failure.seen.has("reloaded") || failure.seen.has("restarting");
  try {
    if (touched) {
      manner.log(`undoing the change of ${target.file}`, "progress");
      const found = await readDaemonJson(target.file);
      if (!failure.known.includes(fingerprint(found))) {
        throw new UserError(`${target.file} was edited by somebody else meanwhile and was left as it is`);
      }
      const service = failure.seen.has("restarting") ? target.service : undefined;
      await bring(
        { ...target, service, isOutdated: true, proveRestart: undefined, onStep: () => undefined },
        found,
        failure.current,
      );
    }
    await dropJournal(manner.ledgerFolder, target.file);
    if (failure.former) await writeLedger(manner.ledgerFolder, failure.former);
    else await removeLedger(manner.ledgerFolder, target.file);
    return touched
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
