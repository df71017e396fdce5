import { accessSync, constants } from "node:fs";
import { imageDefinitions } from "../images/definitions.ts";
import type { SecretSource } from "../images/types.ts";
import type { Settings } from "../settings/settings.ts";

/** A line for each build secret that has no value: BuildKit takes an unset variable for an empty secret and goes on. */
export function unsetSecrets(settings: Settings): string[] {
  const lines = imageDefinitions(settings).flatMap(({ name, secrets }) =>
    Object.entries(secrets).flatMap(([id, source]) => {
      const problem = problemOf(source);
      return problem ? [{ id, name, problem }] : [];
    }),
  );
  const byProblem = new Map<string, string[]>();
  for (const { id, name, problem } of lines) {
    const key = `The build secret ${id} ${problem}`;
    byProblem.set(key, [...(byProblem.get(key) ?? []), name]);
  }
  return [...byProblem].map(([text, names]) => `${text} (used by ${names.join(", ")}).`);
}

function problemOf(source: SecretSource): string | undefined {
  if ("env" in source) {
    return process.env[source.env] ? undefined : `is not set: export ${source.env}=…`;
  }
  try {
    accessSync(source.file, constants.R_OK);
    return undefined;
  } catch {
    return `names the file ${source.file}, which cannot be read`;
  }
}
