import { readFileSync } from "node:fs";
import { hidden, withoutPieces } from "../secrets/redact.ts";
import { decoded } from "../secrets/url-login.ts";

const secretName = "token|passw(?:or)?d|passphrase|secret|credential|api[_-]?key|private[_-]?key|auth";

/** Ways in which a secret stands in a text, whatever its value. */
const patterns: [RegExp, string][] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^/\s"'@]*@/gi, `$1${hidden}@`],
  [new RegExp(`("[^"]*(?:${secretName})[^"]*"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, "gi"), `$1"${hidden}"`],
  [new RegExp(`\\b([\\w.-]*(?:${secretName})[\\w.-]*=)[^\\s"'&,;]+`, "gi"), `$1${hidden}`],
  [/\b(bearer|basic)\s+[\w+/=.~-]{8,}/gi, `$1 ${hidden}`],
  [/\b(?:hf_|ghp_|gho_|github_pat_|glpat-|nvapi-|dckr_pat_)[\w-]{8,}/g, hidden],
];

/** Shortest value that counts as a secret: a shorter one would blank out half of every text. */
const shortest = 6;

/**
 * Blanks out secrets in a report: the known values, also as base64 and in URLs, and whatever looks like one. It takes more
 * than a build's messages need (`redactor` of lib/secrets): a report is sent to others, and holds logs that are not ours.
 * @param secrets values that may appear nowhere
 */
export function redactReport(text: string, secrets: Iterable<string> = []): string {
  const forms = [...secrets]
    .filter((value) => value.length >= shortest)
    .flatMap((value) => [
      value,
      encodeURIComponent(value),
      JSON.stringify(value).slice(1, -1),
      Buffer.from(value).toString("base64").replace(/=+$/, ""),
    ]);
  let result = withoutPieces(text, forms);
  for (const [pattern, replacement] of patterns) result = result.replace(pattern, replacement);
  return result;
}

/** The values of every secret that settings and environment name: each `{env: "NAME"}`, `{file: "/path"}`, each login in a URL. */
export function knownSecrets(settings: unknown, env: NodeJS.ProcessEnv): Set<string> {
  const values = new Set<string>();
  for (const [name, value = ""] of Object.entries(env)) {
    if (new RegExp(`${secretName}|_key$|login`, "i").test(name)) add(values, value);
    for (const [, login = ""] of value.matchAll(/:\/\/([^/\s@]+)@/g))
      for (const part of login.split(":")) add(values, decoded(part));
  }
  collect(settings, env, values);
  return values;
}

function collect(value: unknown, env: NodeJS.ProcessEnv, values: Set<string>): void {
  if (value === null || typeof value !== "object") return;
  const source = value as { env?: unknown; file?: unknown };
  const keys = Object.keys(value);
  if (keys.length === 1 && typeof source.env === "string") add(values, env[source.env] ?? "");
  else if (keys.length === 1 && typeof source.file === "string") add(values, textOf(source.file));
  else for (const inner of Object.values(value)) collect(inner, env, values);
}

function add(values: Set<string>, text: string): void {
  for (const value of [text, text.trim(), ...text.split("\n").map((line) => line.trim())])
    if (value.length >= shortest) values.add(value);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8").slice(0, 100_000);
  } catch {
    return "";
  }
}
