import { closeSync, openSync, readFileSync, statSync } from "node:fs";

/** Where the value of a secret comes from. The value itself is in no setting, hash, state or log. */
export type SecretSource = { file: string } | { env: string };

/** BuildKit takes no larger secret. */
const mostBytes = 500 * 1024;

/**
 * Why a secret cannot be had, as the end of a sentence; undefined where it is there. Never the value.
 * @example sourceProblem({ env: "HF_TOKEN" }, {}) // "comes from the variable HF_TOKEN, which is not set; export HF_TOKEN=… and run again"
 */
export function sourceProblem(
  source: SecretSource,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  return "env" in source ? variableProblem(source.env, env) : fileProblem(source.file);
}

/** The value, without the white space around it; undefined where it cannot be had. */
export function readSecret(source: SecretSource, env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (sourceProblem(source, env) !== undefined) return undefined;
  return ("env" in source ? env[source.env]! : readFileSync(source.file, "utf8")).trim();
}

function variableProblem(name: string, env: NodeJS.ProcessEnv): string | undefined {
  if (env[name]?.trim()) return undefined;
  const state = env[name] === undefined ? "not set" : "empty";
  return `comes from the variable ${name}, which is ${state}; export ${name}=… and run again`;
}

function fileProblem(path: string): string | undefined {
  const wrong = stateOfFile(path);
  return wrong && `comes from ${path}, which ${wrong}; mend it or change the setting`;
}

function stateOfFile(path: string): string | undefined {
  let file: number | undefined;
  try {
    const stat = statSync(path); // first: opening a pipe would wait for its writer
    if (!stat.isFile()) return "is not a file";
    if (stat.size > mostBytes) return `is larger than the ${mostBytes / 1024} KiB that BuildKit takes`;
    file = openSync(path, "r"); // asking for rights alone would ask for those of the real user
    return readFileSync(file, "utf8").trim() ? undefined : "is empty";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "cannot be read";
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
