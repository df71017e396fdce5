import { join } from "node:path";
import { UserError } from "../errors.ts";
import { isLoopback, ownAddress } from "../registry/cache-address.ts";
import { proxyInFolder } from "../proxy/proxy.ts";
import { crossChecks, partialChecks } from "./cross-checks.ts";
import { describeIssue, ruleInWords } from "./problems.ts";
import { insaneValues } from "./sane-values.ts";
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
  const insane = insaneValues(source.values);
  if (insane.length > 0) throw invalid(source, insane);
  const result = schema.safeParse(source.values, { reportInput: false, error: ruleInWords });
  if (!result.success)
    throw invalid(source, [
      ...result.error.issues.flatMap((issue) => describeIssue(issue, source.values)),
      ...partialChecks(source.values, result.error.issues),
    ]);
  const problems = crossChecks(result.data);
  if (problems.length > 0) throw invalid(source, problems);
  const settings: Settings = {
    ...result.data,
    cudaBase: compilable(result.data.cudaBase, source.values["cudaBase"]),
    proxy: proxyOf(result.data, source.root),
    stack: source.stack,
    root: source.root,
    stateDir: source.stateDir,
    imagesLockFile: join(source.root, "images.lock.yaml"),
  };
  return settings.sandbox ? inSandbox(settings, source.readSandboxFacts()) : settings;
}

/** The default architectures, less the one that nvcc knows only from CUDA 12.8 on. */
function compilable(base: RawSettings["cudaBase"], given: unknown): RawSettings["cudaBase"] {
  const [major, minor] = base.cuda.split(".").map(Number) as [number, number];
  if (major > 12 || (major === 12 && minor >= 8) || Object.hasOwn(Object(given), "cudaArchitectures"))
    return base;
  return { ...base, cudaArchitectures: base.cudaArchitectures.filter((one) => one !== "12.0") };
}

/** The cache is never asked through a proxy, wherever it listens. */
function proxyOf({ proxy, registryCache }: RawSettings, root: string): RawSettings["proxy"] {
  const absolute = proxyInFolder(proxy, root);
  return isLoopback(registryCache.bind)
    ? absolute
    : { ...absolute, noProxy: [...absolute.noProxy, ownAddress(registryCache.bind)] };
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
    packageCache: {
      ...settings.packageCache,
      pythonPort: facts.ports.pythonPackages ?? settings.packageCache.pythonPort,
      debianPort: facts.ports.debianPackages ?? settings.packageCache.debianPort,
    },
    imagesLockFile: join(facts.root, "images.lock.yaml"),
  };
}

/** More lines help nobody. */
const maxLines = 50;

function invalid(source: SettingsSource, problems: string[]): UserError {
  const more = problems.length - maxLines;
  const lines = [...problems.slice(0, maxLines), ...(more > 0 ? [`… and ${more} more`] : [])];
  return new UserError(
    [`Invalid settings in ${source.file}:`, ...lines.map((line) => `  ${line}`), fix(source)].join("\n"),
  );
}

function fix(source: SettingsSource): string {
  return `Nothing was changed. Set a value with: pulumi config set --stack ${source.stack} --path gpu-build-host:KEY VALUE`;
}
