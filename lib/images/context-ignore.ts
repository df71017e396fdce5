import { readFile } from "node:fs/promises";
import { join } from "node:path";
import dockerignore from "@balena/dockerignore";

/** The rules of one `.dockerignore`. */
export interface IgnoreRules {
  /** Whether a path, relative to the context, stays out of the build. */
  ignores(path: string): boolean;
  /** Whether a `!` rule may bring back something inside an ignored folder. */
  hasExceptions: boolean;
}

/** Reads the text of a `.dockerignore` by Docker's rules (not git's). */
export function readIgnoreRules(text: string): IgnoreRules {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const rules = lines.filter((line) => line.trim() !== "" && !line.startsWith("#")).map(literalSpecials);
  if (rules.length === 0) return { ignores: () => false, hasExceptions: false };
  const matcher = dockerignore.default({ ignorecase: false }).add(rules);
  return {
    ignores: (path) => matcher.ignores(path),
    hasExceptions: rules.some((rule) => rule.trim().startsWith("!")),
  };
}

/**
 * Finds the rules that BuildKit would use: `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the context.
 * @param dockerfile absolute path; left out for a further named context
 */
export async function loadIgnoreRules(
  context: string,
  dockerfile?: string,
): Promise<IgnoreRules & { text: string }> {
  const own = dockerfile === undefined ? undefined : await readIfThere(`${dockerfile}.dockerignore`);
  const text = own ?? (await readIfThere(join(context, ".dockerignore"))) ?? "";
  return { ...readIgnoreRules(text), text };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** The library hands these to a regular expression as they stand; Docker takes them for plain characters. */
function literalSpecials(rule: string): string {
  return rule.replace(/\\.|\[[^\]]*\]|[+(){}|^]/g, (found) => (found.length === 1 ? `\\${found}` : found));
}
