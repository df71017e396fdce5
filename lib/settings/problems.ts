import { distance } from "fastest-levenshtein";
import type * as z from "zod";
import { schema } from "./schema.ts";

const namespace = "gpu-build-host";

/** One line about one wrong setting: full key, rule, value and, where there is one, the fix. */
export function describeIssue(issue: z.core.$ZodIssue, raw: unknown): string[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...path, key]));
  }
  if (issue.code === "invalid_key") {
    return [
      `${fullKey(path)} ${issue.issues[0]?.message ?? issue.message}${oddCharacter(path.at(-1) ?? "")}`,
    ];
  }
  const value = valueAt(raw, path);
  if (value === undefined) return [`${fullKey(path)} is required: it ${issue.message}`];
  if (value === null)
    return [`${fullKey(path)} is null: remove the key, or give it a value; it ${issue.message}`];
  const isSecret = path.some((step) => secretName.test(step)) || /login/.test(issue.message);
  return [
    `${fullKey(path)} ${issue.message}, got ${isSecret ? "a value that is not shown" : shown(value)}${quotesHint(issue, value)}`,
  ];
}

/**
 * The rule in words where the schema gives none, for zod's `error` option.
 * @example "must be a list"
 */
export function ruleInWords(issue: { code?: string; expected?: unknown }): string | undefined {
  const words: Record<string, string> = {
    object: "must be a group of settings",
    record: "must be a map of names to values",
    array: "must be a list",
    string: "must be text",
    number: "must be a number",
    int: "must be a whole number",
    boolean: "must be true or false",
  };
  if (issue.code === "invalid_type") return words[String(issue.expected)] ?? "has a value of the wrong kind";
  if (issue.code === "too_small") return "must not be empty";
  if (issue.code === "invalid_union") return "has a value of the wrong kind";
  return undefined;
}

/** Names behind which a secret may stand. */
const secretName = /secret|token|passw|credential|login|api_?key/i;

/** `gpu-build-host:services["My App"].tags[0]`, as `pulumi config set --path` takes it. */
export function fullKey(path: string[]): string {
  const steps = path.map((step, index) => {
    if (/^\d+$/.test(step)) return `[${step}]`;
    if (/^[A-Za-z_][\w-]*$/.test(step)) return index === 0 ? step : `.${step}`;
    return `[${JSON.stringify(step.length > 60 ? `${step.slice(0, 57)}…` : step)}]`;
  });
  return `${namespace}:${steps.join("")}`;
}

/** Pulumi stores `pulumi config set` of a quoted number as text. */
function quotesHint(issue: z.core.$ZodIssue, value: unknown): string {
  const wantsNumber = issue.code === "invalid_type" && /^(number|int)$/.test(issue.expected);
  return wantsNumber && typeof value === "string" && /^-?\d+$/.test(value.trim())
    ? " in quotes: write it without them"
    : "";
}

/** Names the first character that is not what it looks like: a Cyrillic с, a zero-width space. */
function oddCharacter(name: string): string {
  const odd = [...name].find((character) => !/[ -~]/.test(character));
  if (odd === undefined) return "";
  const code = odd.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return `; it contains the character U+${code}, write plain a–z`;
}

function unknownKey(path: string[]): string {
  const known = knownKeys(path.slice(0, -1));
  const name = path.at(-1) ?? "";
  const nearest = nearestName(name, known);
  const hint = nearest ? `did you mean "${nearest}"?` : `known here: ${known.join(", ")}`;
  return `${fullKey(path)} is not a setting; ${hint}`;
}

/** The candidate that is, whole or in its last word, at most a third of its letters away from the name; or undefined. */
export function nearestName(name: string, candidates: string[]): string | undefined {
  const ranked = candidates
    .flatMap((candidate) => [candidate, lastWord(candidate)].map((word) => ({ candidate, word })))
    .map(({ candidate, word }) => ({
      candidate,
      word,
      edits: distance(name.toLowerCase(), word.toLowerCase()),
    }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= Math.max(1, Math.ceil(best.word.length / 3)) ? best.candidate : undefined;
}

/** `"Cache"` of `"registryCache"`: people leave the first word out. */
function lastWord(name: string): string {
  return /[A-Z][a-z]+$/.exec(name)?.[0] ?? name;
}

/** Names of the settings below a path; services and other free names are passed through. */
function knownKeys(path: string[]): string[] {
  let type: unknown = schema;
  for (const step of path) {
    const inner = unwrap(type);
    const shape = shapeOf(inner);
    type = shape ? shape[step] : (inner as { valueType?: unknown } | undefined)?.valueType;
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

/** A value as it stands in a message: short, on one line, and nothing of what lies inside a group or a list. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value !== null && typeof value === "object") return "a group of settings";
  if (typeof value === "number") return String(value);
  const words = JSON.stringify(value) ?? typeof value;
  if (/:\/\/[^/@]*:[^/@]*@/.test(words)) return "a value that is not shown";
  return words.length > 80 ? `${words.slice(0, 77)}…` : words;
}
