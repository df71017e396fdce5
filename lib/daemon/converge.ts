import { UserError } from "../errors.ts";
import { replaceFile } from "./atomic-file.ts";
import { parseDaemonJson, readList } from "./daemon-json.ts";
import type { ManagedDaemon } from "./identify.ts";
import { emptyList } from "./json-edit.ts";
import type { FileText } from "./merge.ts";
import { sameMirrors } from "./mirror-url.ts";
import { readDaemonJson } from "./read-file.ts";
import { liveMirrors, sendReload, waitForMirrors } from "./reload.ts";

const KEY = "registry-mirrors";

/** Where a run may be cut off; tests cut it there. */
export type Step =
  | "locked"
  | "ledger-written"
  | "backed-up"
  | "temporary-written"
  | "file-written"
  | "reloaded"
  | "emptied"
  | "verified"
  | "ledger-removed";

/** A daemon.json, and the daemon that reads it; no daemon while the engine is stopped: it reads the file when it starts. */
export interface Target {
  file: string;
  daemon: ManagedDaemon | undefined;
  verifyMs: number;
  onStep: (step: Step) => Promise<void> | void;
}

/** Somebody wrote the file between our reading and our writing. */
export class EditedMeanwhile extends UserError {
  override name = "EditedMeanwhile";
}

/** The mirrors that a text sets; undefined where it does not say. */
export function mirrorsIn(text: FileText): string[] | undefined {
  const parsed = parseDaemonJson(text);
  return parsed.ok ? readList(parsed.document, KEY) : undefined;
}

/** Brings file and daemon from one text to another, and makes sure that the daemon follows. Does only what is missing. */
export async function bring(target: Target, from: FileText, to: FileText): Promise<void> {
  const { daemon } = target;
  const expected = mirrorsIn(to);
  // A mirror on dockerd's command line outlives every reload; then there is nothing to wait for.
  const isFree = daemon !== undefined && daemon.flags.registryMirrors.length === 0;
  let current = from;
  if (isFree && expected === undefined && (await liveMirrors(daemon)).length > 0) {
    // A key that is gone changes nothing in a running daemon: an explicit empty list has to come first.
    current = emptyList(to, KEY);
    await write(target, from, current);
    await reload(target, daemon, []);
    await target.onStep("emptied");
  }
  const changed = current !== to;
  if (changed) await write(target, current, to);
  if (!daemon) return;
  if (!isFree) return changed ? sendReload(daemon) : undefined;
  if (!changed && sameMirrors(await liveMirrors(daemon), expected ?? [])) return;
  if (to !== null) return reload(target, daemon, expected ?? []);
  await waitForMirrors(daemon, [], target.verifyMs);
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

async function reload(target: Target, daemon: ManagedDaemon, expected: string[]): Promise<void> {
  await sendReload(daemon);
  await target.onStep("reloaded");
  await waitForMirrors(daemon, expected, target.verifyMs);
  await target.onStep("verified");
}
