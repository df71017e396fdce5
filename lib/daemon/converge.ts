import { setTimeout as sleep } from "node:timers/promises";
import { engineRequest } from "../docker/request.ts";
import { UserError } from "../errors.ts";
import { replaceFile } from "./atomic-file.ts";
import { documentOf, readList } from "./daemon-json.ts";
import { DAEMON_KEYS } from "./daemon-keys.ts";
import { identifyDaemon, type ManagedDaemon } from "./identify.ts";
import { agrees } from "./live-state.ts";
import type { FileText } from "./merge.ts";
import { readDaemonJson } from "./read-file.ts";
import { liveOf, sendReload, waitForProof } from "./reload.ts";
import { restartService, type Service } from "./service.ts";
import { keysToUndo, wantsLiveRestore, withLiveRestore, withUndoValues } from "./waypoints.ts";

/** Where a run may be cut off; tests cut it there. */
export type Step =
  | "locked"
  | "ledger-written"
  | "backed-up"
  | "temporary-written"
  | "file-written"
  | "reloaded"
  | "emptied"
  | "live-restored"
  | "restarting"
  | "stopped"
  | "restarted"
  | "verified"
  | "ledger-removed";

/** A daemon.json, and the daemon that reads it; no daemon while the engine is stopped: it reads the file when it starts. */
export interface Target {
  file: string;
  /** Another one after a restart. */
  daemon: ManagedDaemon | undefined;
  /** How it is started again; set where it may be. */
  service: Service | undefined;
  /** Keys that were ever ours: those whose use is proved. */
  touched: string[];
  /** The daemon has to read the file again even if nothing tells that it did not. */
  isOutdated: boolean;
  /** What else has to be so after a restart. */
  proveRestart?: (() => Promise<void>) | undefined;
  verifyMs: number;
  restartMs: number;
  onStep: (step: Step) => Promise<void> | void;
}

/** Somebody wrote the file between our reading and our writing. */
export class EditedMeanwhile extends UserError {
  override name = "EditedMeanwhile";
}

/** The mirrors that a text sets; undefined where it does not say. */
export function mirrorsIn(text: FileText): string[] | undefined {
  return readList(documentOf(text), "registry-mirrors");
}

/** Brings file and daemon from one text to another, and makes sure that the daemon follows. Does only what is missing. */
export async function bring(target: Target, from: FileText, to: FileText): Promise<void> {
  const { daemon } = target;
  if (!daemon) return write(target, from, to);
  if (target.service) return bringByRestart(target, daemon, from, to);
  // What stands on dockerd's command line outlives every reload; then there is nothing to wait for.
  const isFree = (key: string) => !daemon.flags.byKey.has(key);
  const keys = target.touched.filter((key) => DAEMON_KEYS[key]?.reloads && key !== "features" && isFree(key));
  const told = async (text: FileText, of: string[]) => {
    const live = await liveOf(daemon);
    return of.every((key) => agrees(text, key, live) ?? (from === to && !target.isOutdated));
  };
  let current = from;
  const undo = keysToUndo(from, to, target.touched).filter(isFree);
  const explicit = withUndoValues(to, undo);
  if (undo.length > 0 && !(await told(explicit, undo))) {
    // A key that is gone changes nothing in a running daemon: an explicit value has to come first.
    current = explicit;
    await write(target, from, current);
    await reload(target, daemon, current, undo);
    await target.onStep("emptied");
  }
  const changed = current !== to;
  if (changed) await write(target, current, to);
  if (!changed && !target.isOutdated && (await told(to, keys))) return;
  if (to !== null) return reload(target, daemon, to, keys);
  await waitForProof(daemon, { text: to, keys, waitMs: target.verifyMs });
  await target.onStep("verified");
}

async function bringByRestart(
  target: Target,
  daemon: ManagedDaemon,
  from: FileText,
  to: FileText,
): Promise<void> {
  let current = from;
  const isOn = await liveOf(daemon).then(
    (live) => live["live-restore"],
    () => undefined, // it is down: nothing to prepare
  );
  if (isOn !== undefined && isOn !== wantsLiveRestore(to) && !daemon.flags.byKey.has("live-restore")) {
    // Where only the daemon differs from the file, a reload would change nothing without an explicit value.
    current = withLiveRestore(from, to);
    await write(target, from, current);
    await reload(target, daemon, current, ["live-restore"]);
    await target.onStep("live-restored");
  }
  await write(target, current, to);
  await target.onStep("restarting");
  const isUp = () => answers(daemon.socketPath);
  await restartService(target.service!, daemon.process, target.restartMs, isUp, () =>
    target.onStep("stopped"),
  );
  await stable(daemon.socketPath, target.restartMs);
  const identity = await identifyDaemon(`unix://${daemon.socketPath}`);
  if (!("managed" in identity)) throw new UserError(`after its restart ${identity.foreign.what}`);
  target.daemon = identity.managed;
  await target.onStep("restarted");
  const keys = target.touched.filter((key) => !identity.managed.flags.byKey.has(key));
  await waitForProof(identity.managed, { text: to, keys, waitMs: target.verifyMs });
  await target.proveRestart?.();
  await target.onStep("verified");
}

async function write(target: Target, from: FileText, to: FileText): Promise<void> {
  if (from === to) return;
  const refuseIfEdited = async () => {
    if ((await readDaemonJson(target.file)) === from) return;
    throw new EditedMeanwhile(`${target.file} was edited by somebody else just now: run again`);
  };
  await refuseIfEdited();
  await replaceFile(target.file, to, {
    mode: 0o644,
    onWritten: async () => {
      await target.onStep("temporary-written");
      await refuseIfEdited();
    },
  });
  await target.onStep("file-written");
}

async function reload(target: Target, daemon: ManagedDaemon, text: FileText, keys: string[]): Promise<void> {
  const reloadedSince = Date.now();
  await sendReload(daemon);
  await target.onStep("reloaded");
  await waitForProof(daemon, { text, keys, reloadedSince, waitMs: target.verifyMs });
  await target.onStep("verified");
}

export async function answers(socketPath: string): Promise<boolean> {
  return engineRequest(socketPath, { path: "/_ping", timeoutMs: 2_000 }).then(
    () => true,
    () => false,
  );
}

/** Three good answers in a row: one alone may come from a daemon that is about to give up. */
export async function stable(socketPath: string, waitMs: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (let good = 0; good < 3;) {
    good = (await answers(socketPath)) ? good + 1 : 0;
    if (Date.now() >= deadline)
      throw new UserError(
        `the engine does not answer ${waitMs / 1000} s after its restart: its log says why (journalctl -u docker)`,
      );
    if (good < 3) await sleep(300);
  }
}
