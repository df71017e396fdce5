import { distance } from "fastest-levenshtein";
import type { z } from "zod";
import { schema } from "./schema.ts";

const namespace = "gpu-build-host";

/** One line about one wrong setting: full key, rule, value and, where there is one, the fix. */
export function describeIssue(issue: z.core.$ZodIssue, raw: unknown): string[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...path, key]));
  }
  const keyRule = issue.code === "invalid_key" ? issue.issues[0]?.message : undefined;
  const isSecret = path.some((step) => /secret/i.test(step)) || /login/.test(issue.message);
  return [
    `${fullKey(path)} ${keyRule ?? issue.message}, got ${isSecret ? "a value that is not shown" : shown(valueAt(raw, path))}`,
  ];
}

/** `gpu-build-host:registryCache.port`, as `pulumi config set --path` takes it. */
export function fullKey(path: string[]): string {
  return `${namespace}:${path.join(".")}`;
}

function unknownKey(path: string[]): string {
  const known = knownKeys(path.slice(0, -1));
  const name = path.at(-1) ?? "";
  const nearest = nearestName(name, known);
  const hint = nearest ? `did you mean "${nearest}"?` : `known here: ${known.join(", ")}`;
  return `${fullKey(path)} is not a setting; ${hint}`;
}

/** The candidate that is at most a third of its letters away from the name, or undefined. */
export function nearestName(name: string, candidates: string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: distance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= Math.max(1, Math.ceil(best.candidate.length / 3)) ? best.candidate : undefined;
}

/** Names of the settings below a path; services and other free names are passed through. */
function knownKeys(path: string[]): string[] {
  let type: unknown = schema;
  for (const step of path) {
    const inner = unwrap(type);
    const shape = shapeOf(inner);
    type = shape ? shape[step] : (inner as { valueType?: unknown }).valueType;
  }
  return Object.keys(shapeOf(unwrap(type)) ?? {});
}

function unwrap(type: unknown): unknown {
  let current = type as { unwrap?: () => unknown; shape?: unknown; element?: unknown };
  while (current && typeof current.unwrap === "function" && !current.shape && !current.element) {
    current = current.unwrap() as typeof current;
  }
  return current;
}

function shapeOf(type: unknown): Record<string, unknown> | undefined {
  return (type as { shape?: Record<string, unknown> } | undefined)?.shape;
}

function valueAt(raw: unknown, path: string[]): unknown {
  let value = raw;
  for (const step of path)
    value =
      value !== null && typeof value === "object" ? (value as Record<string, unknown>)[step] : undefined;
  return value;
}

/** A value as it stands in a message: short, and on one line. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const words = JSON.stringify(value);
  return words.length > 80 ? `${words.slice(0, 77)}…` : words;
}
