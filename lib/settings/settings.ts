import { join } from "node:path";
import { UserError } from "../errors.ts";
import { describeIssue } from "./problems.ts";
import { schema, type RawSettings } from "./schema.ts";
import type { SandboxFacts } from "./sandbox-facts.ts";

/** Everything the program knows from outside, checked. All paths are absolute. */
export interface Settings extends RawSettings {
  /** Name of the stack, e.g. `"dev"`. */
  stack: string;
  /** The project's folder. */
  root: string;
  /** Folder for what outlives a run: build history, hashes of files, the sandbox's lock file. */
  stateDir: string;
  /** File with the digests of external images. */
  imagesLockFile: string;
}

export interface SettingsSource {
  stack: string;
  root: string;
  stateDir: string;
  /** Where the values stand, for messages: `"Pulumi.dev.yaml"`. */
  file: string;
  /** Value by key without the namespace, e.g. `{ registryCache: { port: 5000 } }`. */
  values: Record<string, unknown>;
  /** Reads what the private engine of `npm start` chose; called only where `sandbox` is true. */
  readSandboxFacts: () => SandboxFacts;
}

/**
 * Checks every setting and fills in the defaults.
 *
 * @throws UserError with one line per problem: full key, rule, value.
 */
export function parseSettings(source: SettingsSource): Settings {
  const result = schema.safeParse(source.values, { reportInput: false });
  const problems = result.success
    ? crossChecks(result.data)
    : result.error.issues.flatMap((issue) => describeIssue(issue, source.values));
  if (!result.success || problems.length > 0) {
    throw new UserError(
      [`Invalid settings in ${source.file}:`, ...problems.map((line) => `  ${line}`), fix(source)].join("\n"),
    );
  }
  const settings: Settings = {
    ...result.data,
    stack: source.stack,
    root: source.root,
    stateDir: source.stateDir,
    imagesLockFile: join(source.root, "images.lock.yaml"),
  };
  return settings.sandbox ? inSandbox(settings, source.readSandboxFacts()) : settings;
}

/** The rules that concern more than one setting. */
function crossChecks(settings: RawSettings): string[] {
  const problems: string[] = [];
  const names = ["cuda-base-runtime", "cuda-base-devel", ...Object.keys(settings.services)];
  for (const name of ["cuda-base-runtime", "cuda-base-devel"]) {
    if (name in settings.services)
      problems.push(`gpu-build-host:services.${name} is the name of a base; choose another name`);
  }
  for (const name of Object.keys(settings.rebuilds)) {
    if (!names.includes(name))
      problems.push(
        `gpu-build-host:rebuilds.${name} names no image of this stack; images: ${names.join(", ")}`,
      );
  }
  if (settings.registryCache.metricsPort === settings.registryCache.port) {
    problems.push(
      `gpu-build-host:registryCache.metricsPort must differ from registryCache.port, got ${settings.registryCache.port} for both`,
    );
  }
  if (settings.registryCache.mode === "external" && settings.registryCache.keepVolume) {
    problems.push(
      "gpu-build-host:registryCache.keepVolume has no meaning with mode external: the volume belongs to the cache's owner",
    );
  }
  return problems;
}

/** In the sandbox the private engine decides socket, network, upstream and ports. */
function inSandbox(settings: Settings, facts: SandboxFacts): Settings {
  return {
    ...settings,
    engine: { host: facts.dockerHost, network: "host" },
    registryCache: {
      ...settings.registryCache,
      upstream: facts.upstream,
      port: facts.ports.cache,
      metricsPort: facts.ports.cacheMetrics,
    },
    imagesLockFile: join(facts.root, "images.lock.yaml"),
  };
}

function fix(source: SettingsSource): string {
  return `Nothing was changed. Set a value with: pulumi config set --stack ${source.stack} --path gpu-build-host:KEY VALUE`;
}
