import { canonicalText, documentOf, findProperty, type DaemonDocument } from "./daemon-json.ts";
import { DAEMON_KEYS, featureReloads } from "./daemon-keys.ts";
import type { FileText } from "./merge.ts";
import { keysOf } from "./waypoints.ts";

/** Keys in which two texts differ, by what a running dockerd needs to take them. */
export interface ChangeClass {
  reload: string[];
  restart: string[];
}

/** What it takes to bring a daemon from one text to another. */
export function classify(from: FileText, to: FileText): ChangeClass {
  const [before, after] = [documentOf(from), documentOf(to)];
  const result: ChangeClass = { reload: [], restart: [] };
  for (const key of new Set([...keysOf(from), ...keysOf(to)])) {
    const [old, next] = [valueText(before, key), valueText(after, key)];
    if (old === next) continue;
    (reloads(key, old, next) ? result.reload : result.restart).push(key);
  }
  return result;
}

/** Whether a new value of a key waits for a restart. */
export function needsRestart(key: string): boolean {
  return key === "features" || !DAEMON_KEYS[key]?.reloads;
}

function reloads(key: string, old: string | undefined, next: string | undefined): boolean {
  const rule = DAEMON_KEYS[key];
  if (key === "features") return changedMembers(old, next).every(featureReloads);
  if (!rule?.reloads) return false;
  return next !== undefined || rule.undo !== undefined || rule.resets === true;
}

function changedMembers(old: string | undefined, next: string | undefined): string[] {
  const [a, b] = [members(old), members(next)];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]);
}

function members(text: string | undefined): Record<string, unknown> {
  const value: unknown = text === undefined ? {} : JSON.parse(text);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** The value of a key in the spelling under which two are compared; undefined where it is absent or null. */
function valueText(document: DaemonDocument, key: string): string | undefined {
  const value = findProperty(document.root, key)?.value;
  return value && value.type !== "null" ? canonicalText(document.text, value) : undefined;
}
