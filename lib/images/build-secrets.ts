import { accessSync, constants, statSync } from "node:fs";
import type { SecretSource } from "./types.ts";

/**
 * Problems with build secrets, one line each: BuildKit takes an unset variable for an empty secret and goes on.
 * @param image name, for the message
 */
export function secretProblems(
  image: string,
  secrets: Record<string, SecretSource>,
  env: NodeJS.ProcessEnv = process.env,
): string[] {
  return Object.entries(secrets).flatMap(([id, source]) => {
    const problem = "env" in source ? variableProblem(source.env, env) : fileProblem(source.file);
    return problem ? [`image "${image}": the build secret "${id}" ${problem}`] : [];
  });
}

function variableProblem(name: string, env: NodeJS.ProcessEnv): string | undefined {
  if (env[name]) return undefined;
  return `comes from the variable ${name}, which is ${env[name] === "" ? "empty" : "not set"}; export ${name}=… and run again`;
}

function fileProblem(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return `comes from ${path}, which is not a file`;
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return `comes from ${path}, which ${missing ? "does not exist" : "cannot be read"}; create it or change the setting`;
  }
}

/** Value of one `--secret` option. */
export function secretOption(id: string, source: SecretSource): string {
  return "env" in source ? `id=${id},env=${source.env}` : `id=${id},src=${source.file}`;
}
