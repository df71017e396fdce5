import { documentOf, findProperty } from "./daemon-json.ts";
import { DAEMON_KEYS } from "./daemon-keys.ts";
import { setAt } from "./json-edit.ts";
import type { FileText } from "./merge.ts";
import { pointerOf } from "./pointer.ts";

/** Keys of ours, or of the text before, that a text lacks and that a daemon forgets only when told an explicit value. */
export function keysToUndo(from: FileText, to: FileText, touched: string[]): string[] {
  const present = new Set(keysOf(to));
  const gone = [...new Set([...keysOf(from), ...touched])].filter((key) => !present.has(key));
  return gone.filter((key) => DAEMON_KEYS[key]?.undo !== undefined).sort();
}

/** The text to reload first on the way to `to`: with an explicit value for each key that the daemon has to forget. */
export function withUndoValues(to: FileText, keys: string[]): FileText {
  return keys.reduce((text, key) => setAt(text, pointerOf([key]), DAEMON_KEYS[key]!.undo!), to);
}

/**
 * The text before a restart that brings `to`. With live-restore on, containers keep running through it; with live-restore
 * off in the new text it has to go before: else not even those with a restart policy come back.
 */
export function withLiveRestore(from: FileText, to: FileText): FileText {
  return setAt(from, "/live-restore", JSON.stringify(wantsLiveRestore(to)));
}

/** Whether a text keeps containers running while dockerd is stopped. */
export function wantsLiveRestore(text: FileText): boolean {
  return findProperty(documentOf(text).root, "live-restore")?.value.value === true;
}

/** Every text that may stand in the file between two others. */
export function waypoints(from: FileText, to: FileText, touched: string[]): FileText[] {
  const undo = withUndoValues(to, keysToUndo(from, to, touched));
  return [undo, withLiveRestore(from, to)];
}

/** The keys of a text; one that is null counts as absent, as dockerd reads it. */
export function keysOf(text: FileText): string[] {
  const members = (documentOf(text).root?.children ?? []).map((property) => property.children ?? []);
  return members.filter(([, value]) => value?.type !== "null").map(([name]) => String(name?.value));
}
