import { join, resolve } from "node:path";
import envPaths from "env-paths";
import { readSandboxFacts, type SandboxFacts } from "./sandbox-facts.ts";
import { parseSettings, type Settings } from "./settings.ts";
import { readSetValue, withSetValues } from "./set-values.ts";
import { readStackFile, settingsOf } from "./stack-file.ts";

/** The checked settings of `Pulumi.<stack>.yaml`, for commands that run without Pulumi. */
export function settingsOfStackFile(root: string, stack: string): Settings {
  const { file, values } = readStackFile(root, stack);
  return withDefaults(root, stack, file, values);
}

/** The checked settings of a running Pulumi program: `config` is everything that `pulumi config` shows. */
export function settingsOfConfig(root: string, stack: string, config: Record<string, unknown>): Settings {
  return withDefaults(root, stack, `Pulumi.${stack}.yaml`, settingsOf(config));
}

/**
 * Checks `Pulumi.<stack>.yaml` before anything is started: the sandbox need not have been, so what it decides is left out
 * (engine, upstream and ports of the result mean nothing there).
 *
 * @throws UserError with one line per problem.
 */
export function checkStackFile(root: string, stack: string): Settings {
  return settingsBeforeStart(root, stack, "unix:///var/run/docker.sock");
}

/**
 * The checked settings of a stack whose sandbox need not have been started: its ports and upstream are placeholders.
 *
 * @param dockerHost socket that the sandbox's engine will have
 * @throws UserError with one line per problem.
 */
export function settingsBeforeStart(root: string, stack: string, dockerHost: string): Settings {
  const { file, values } = readStackFile(root, stack);
  return withDefaults(root, stack, file, values, () => sandboxPlaces(root, dockerHost));
}

/**
 * The settings of a stack with changes to them, for looking ahead. The sandbox need not have been started.
 *
 * @param changes e.g. `["cudaBase.cuda=13.0"]`
 * @param dockerHost socket that the sandbox's engine has or will have
 * @throws UserError with one line per problem.
 */
export function settingsWithChanges(
  root: string,
  stack: string,
  changes: readonly string[],
  dockerHost: string,
): Settings {
  const { file, values } = readStackFile(root, stack);
  const changed = withSetValues(values, changes.map(readSetValue));
  return withDefaults(root, stack, changes.length > 0 ? `${file} with --set` : file, changed, () =>
    sandboxFactsOr(root, dockerHost),
  );
}

/** What the sandbox's last start chose, or places that nothing answers at. */
function sandboxFactsOr(root: string, dockerHost: string): SandboxFacts {
  try {
    return readSandboxFacts(root);
  } catch {
    return sandboxPlaces(root, dockerHost);
  }
}

function sandboxPlaces(root: string, dockerHost: string): SandboxFacts {
  return {
    root: join(root, ".sandbox"),
    dockerHost,
    upstream: "http://127.0.0.1:1",
    ports: { cache: 1, cacheMetrics: 2 },
  };
}

function withDefaults(
  root: string,
  stack: string,
  file: string,
  values: Record<string, unknown>,
  sandboxFacts = () => readSandboxFacts(root),
): Settings {
  const settings = parseSettings({
    stack,
    root,
    stateDir: stateDir(root, values),
    file,
    values,
    readSandboxFacts: sandboxFacts,
  });
  const caBundle = settings.build.caBundle ?? process.env["SSL_CERT_FILE"];
  return {
    ...settings,
    build: { ...settings.build, ...(caBundle && { caBundle: resolve(root, caBundle) }) },
  };
}

/**
 * Folder for build history and ledgers, shared by all stacks of a user. The sandbox keeps it beside itself, so that
 * removing the sandbox removes all of it.
 */
function stateDir(root: string, values: Record<string, unknown>): string {
  if (typeof values["stateDir"] === "string") return values["stateDir"];
  if (values["sandbox"] === true) return join(root, ".sandbox", "state");
  return process.getuid?.() === 0
    ? "/var/lib/gpu-build-host"
    : envPaths("gpu-build-host", { suffix: "" }).data;
}
