import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { UserError } from "../errors.ts";

const prefix = "gpu-build-host:";

/**
 * The settings of `Pulumi.<stack>.yaml` by key, for commands that run without Pulumi.
 *
 * @throws UserError for a missing or unreadable file, or an encrypted setting.
 */
export function readStackFile(
  root: string,
  stack: string,
): { file: string; values: Record<string, unknown> } {
  if (!/^[\w.-]+$/.test(stack))
    throw new UserError(`"${stack}" is no name of a stack: it has letters, digits, - _ . only.`);
  const file = `Pulumi.${stack}.yaml`;
  if (!existsSync(join(root, file))) {
    throw new UserError(`${file} is not there. Copy Pulumi.dev.yaml to ${file} and change what differs.`);
  }
  let content: unknown;
  try {
    content = parse(readFileSync(join(root, file), "utf8"));
  } catch (error) {
    throw new UserError(`${file} is not valid YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  const config = (content as { config?: Record<string, unknown> } | null)?.config ?? {};
  return { file, values: settingsOf(config) };
}

/** Takes the keys of this project out of a stack's configuration; Pulumi hands objects over as JSON text. */
export function settingsOf(config: Record<string, unknown>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length);
    if (value !== null && typeof value === "object" && "secure" in value) {
      throw new UserError(
        `${key} is encrypted: settings hold no secrets. Name a file or an environment variable instead: {env: "NAME"}.`,
      );
    }
    values[name] = typeof value === "string" ? fromText(name, value) : value;
  }
  return values;
}

/** Settings at the top that are no text; Pulumi hands every value over as text and writes it so into the file. */
const typed = new Set(["sandbox", "adoptTags", "keepVersions"]);

function fromText(name: string, value: string): unknown {
  if (!/^\s*[[{]/.test(value) && !typed.has(name)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
