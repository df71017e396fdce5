/** Inputs of `local.Command` that this stand-in knows; see the documentation of @pulumi/command. */
export interface CommandInputs {
  create?: string;
  update?: string;
  delete?: string;
  dir?: string;
  environment?: Record<string, string>;
  interpreter?: string[];
  logging?: "stdout" | "stderr" | "stdoutAndStderr" | "none";
  stdin?: string;
  triggers?: unknown[];
  addPreviousOutputInEnv?: boolean;
}

const known = new Set<string>([
  "create",
  "update",
  "delete",
  "dir",
  "environment",
  "interpreter",
  "logging",
  "stdin",
  "triggers",
  "addPreviousOutputInEnv",
]);

const outputs = new Set(["stdout", "stderr"]);

// Marks that Pulumi's engine puts around values on the wire.
const signature = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";
const outputMark = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

type Properties = Record<string, unknown>;

/** Names of inputs that only the published plugin has, e.g. `assetPaths`. */
export function unknownInputs(inputs: Properties): string[] {
  return Object.keys(inputs).filter(
    (name) => !known.has(name) && !name.startsWith("__") && inputs[name] !== undefined,
  );
}

/** Inputs that differ between the state (which also has outputs) and the program, by name. */
export function changedInputs(state: Properties, inputs: Properties): string[] {
  const names = new Set([...Object.keys(state), ...Object.keys(inputs)].filter((name) => known.has(name)));
  return [...names].filter((name) => canonical(state[name]) !== canonical(inputs[name])).sort();
}

/** Changed triggers replace the resource, unless there is a command for updates. */
export function replacingInputs(changed: string[], inputs: Properties): string[] {
  return inputs.update === undefined && changed.includes("triggers") ? ["triggers"] : [];
}

/** The values without the marks for secrets and outputs. */
export function plain<T>(value: unknown): T {
  if (Array.isArray(value)) return value.map((item) => plain(item)) as T;
  if (value === null || typeof value !== "object") return value as T;
  const mark = (value as Properties)[signature];
  if (mark === secretMark || mark === outputMark) return plain((value as Properties).value);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)])) as T;
}

/** True if a secret lies anywhere in the value. */
export function hasSecret(value: unknown): boolean {
  if (value === null || typeof value !== "object") return false;
  const { [signature]: mark, secret } = value as Properties;
  return (
    mark === secretMark || (mark === outputMark && secret === true) || Object.values(value).some(hasSecret)
  );
}

/** Marks a text as secret for Pulumi's state. */
export function secret(value: string): Properties {
  return { [signature]: secretMark, value };
}

/** What was printed by the command that ran last, from the state. */
export function previousOutput(state: Properties): { stdout: string; stderr: string } {
  const [stdout, stderr] = [...outputs].map((name) => String(plain(state[name]) ?? ""));
  return { stdout: stdout!, stderr: stderr! };
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(plain(value), (_, item: unknown) =>
      item !== null && typeof item === "object" && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
        : item,
    ) ?? ""
  );
}
