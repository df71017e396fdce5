/** How a command ends; undefined where only the build knows. */
export type Status = boolean | undefined;

/** Programs that answer with their exit code and nothing else. */
export const testPrograms = ["[", "[[", "test"];

/** Result of `[ … ]`, `test`, `true` and `false`; an install succeeds, or there is no image. */
export function testResult(words: (string | undefined)[]): Status {
  const [program, ...rest] = words;
  if (program === "true" || program === ":") return true;
  if (program === "false") return false;
  if (program === undefined || !testPrograms.includes(program)) return isInstall(words) || undefined;
  const args = program === "test" ? rest : rest.slice(0, -1);
  const isNegated = args[0] === "!";
  const [a, b, c, ...more] = isNegated ? args.slice(1) : args;
  if (more.length > 0) return undefined;
  const result = c === undefined && args.length - Number(isNegated) < 3 ? unary(a, b) : binary(a, b, c);
  return isNegated && result !== undefined ? !result : result;
}

function unary(operator: string | undefined, value: string | undefined): Status {
  if (value === undefined) return undefined;
  return { "-n": value !== "", "-z": value === "" }[operator ?? ""];
}

function binary(a: string | undefined, operator: string | undefined, b: string | undefined): Status {
  if (a === undefined || b === undefined) return undefined;
  return { "=": a === b, "==": a === b, "!=": a !== b }[operator ?? ""];
}

function isInstall(words: (string | undefined)[]): boolean {
  return /(?:^|\/)(?:pip[\d.]*|uv|python[\d.]*)$/.test(words[0] ?? "") && words.includes("install");
}
