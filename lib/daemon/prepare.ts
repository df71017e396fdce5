import { UserError } from "../errors.ts";
import { classify, needsRestart } from "./change-class.ts";
import type { ManagedDaemon } from "./identify.ts";
import { planFile, type Ledger, type Plan } from "./ledger.ts";
import { readLedger } from "./ledger-file.ts";
import { agrees } from "./live-state.ts";
import type { FileText, OwnedEntry } from "./merge.ts";
import { topKey } from "./pointer.ts";
import { readDaemonJson } from "./read-file.ts";
import { processKey } from "./reload.ts";
import { restartEffect, runningContainers } from "./stopping.ts";
import { wantsLiveRestore } from "./waypoints.ts";

/** What a stack wants of one daemon.json. No entries: it leaves. */
export interface Settlement {
  file: string;
  daemon: ManagedDaemon | undefined;
  stack: string;
  entries: OwnedEntry[];
  /** What the stack set before, by its own record: used where the ledger is lost. */
  previously: OwnedEntry[];
  /** Restart dockerd where a reload is not enough. */
  allowRestart: boolean;
  /** Take over values of somebody else's. */
  override: boolean;
}

/** What a settlement would do, before anything is written. */
export interface Prepared {
  current: FileText;
  ledger: Ledger | undefined;
  /** What is wrong with the ledger. */
  problem: string | undefined;
  /** With `ledger.outdated`: what the daemon has to take before the run is done. */
  plan: Plan;
  /** Keys that need a reload. */
  reload: string[];
  /** Keys that need a restart. */
  restart: string[];
  /** A run was cut off before the daemon read the file. */
  isOutdated: boolean;
}

/**
 * Works out the change that a stack's wish makes, from file, ledger and running daemon. Changes nothing.
 * @throws UserError for a file that does not parse and for values that somebody else wants otherwise.
 */
export async function prepare(settlement: Settlement, ledgerFolder: string, now: Date): Promise<Prepared> {
  const { file, daemon, stack, entries, previously, override } = settlement;
  const current = await readDaemonJson(file);
  const { ledger, problem } = await readLedger(ledgerFolder, file);
  const fileRequired = daemon?.flags.configFileGiven ?? false;
  const plan = planFile(file, current, ledger, { stack, entries, previously, override, now, fileRequired });
  const change = classify(current, plan.text);
  const result = { current, ledger, problem, plan, ...change, isOutdated: false };
  if (!daemon) return result;

  const process = await processKey(daemon.process);
  const left = ledger?.outdated?.process === process ? ledger.outdated.keys : [];
  const wanted = new Set(entries.map(({ pointer }) => topKey(pointer)));
  const behind = [...wanted].filter((key) => agrees(plan.text, key, daemon.info.live) === false);
  const afterAll = [...new Set([...left, ...behind])].filter((key) => wanted.has(key));
  const restart = [...new Set([...change.restart, ...afterAll.filter(needsRestart)])];
  const reload = [...new Set([...change.reload, ...afterAll.filter((key) => !needsRestart(key))])];
  const keys = [...new Set([...left, ...change.reload, ...change.restart])];
  const ledgerNow = { ...plan.ledger, outdated: keys.length > 0 ? { process, keys } : undefined };
  return {
    ...result,
    plan: { ...plan, ledger: ledgerNow },
    restart,
    reload,
    isOutdated: left.some((key) => !needsRestart(key)),
  };
}

/** `"none"`, `"reload"`, or `"restart: stops web (no restart policy)"`: what a preview shows. */
export async function changeFact(daemon: ManagedDaemon, prepared: Prepared): Promise<string> {
  if (prepared.restart.length > 0) return `restart: ${await effect(daemon, prepared)}`;
  return prepared.reload.length > 0 ? "reload" : "none";
}

/** Why nothing is done: a restart that nobody allowed, and what it would stop. */
export async function restartRefusal(daemon: ManagedDaemon, prepared: Prepared): Promise<UserError> {
  const { restart } = prepared;
  const what = await effect(daemon, prepared);
  const keep = what.startsWith("stops") ? " (dockerDaemon.liveRestore: true keeps containers running)" : "";
  return new UserError(
    `${restart.join(", ")} in ${daemon.file} ${restart.length === 1 ? "needs" : "need"} a restart of Docker; ${what}: ` +
      `set dockerDaemon.allowRestart: true${keep}, or take the setting out. Nothing was changed`,
  );
}

async function effect(daemon: ManagedDaemon, { plan }: Prepared): Promise<string> {
  const isKept = wantsLiveRestore(plan.text);
  const isFlag = daemon.flags.byKey.has("live-restore") && daemon.info.live["live-restore"];
  return restartEffect(await runningContainers(daemon.socketPath), isKept || isFlag);
}
