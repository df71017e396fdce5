import { fullKey } from "./problems.ts";

/** Longest text that a setting may be; the longest sensible one, a build argument, is far below. */
const maxLength = 65_536;
/** Deepest nesting; the settings themselves end at six. */
const maxDepth = 32;
const maxProblems = 50;

/**
 * What no setting may hold, whatever the schema says: names that mean something to JavaScript (`__proto__`), texts and
 * nesting beyond reason. Asked first, so that the schema sees nothing that could surprise it. Goes no deeper than it must.
 */
export function insaneValues(values: Record<string, unknown>): string[] {
  const problems: string[] = [];
  const open: { path: string[]; value: unknown }[] = [{ path: [], value: values }];
  while (open.length > 0 && problems.length < maxProblems) {
    const { path, value } = open.pop()!;
    if (typeof value === "string" && value.length > maxLength) {
      problems.push(`${fullKey(path)} is too long: ${value.length} characters, at most ${maxLength}`);
    }
    if (value === null || typeof value !== "object") continue;
    if (path.length >= maxDepth) {
      problems.push(`${fullKey(path.slice(0, 3))} is nested too deep: more than ${maxDepth} levels`);
      continue;
    }
    for (const key of Object.keys(value)) {
      const inner = [...path, key];
      if (isBuiltIn(key) && !Array.isArray(value))
        problems.push(`${fullKey(inner)}: this name is not allowed`);
      else open.push({ path: inner, value: (value as Record<string, unknown>)[key] });
    }
  }
  return problems.reverse();
}

/** Names that every JavaScript object has: `constructor`, `__proto__`, `toString` … */
function isBuiltIn(name: string): boolean {
  return name in Object.prototype;
}
