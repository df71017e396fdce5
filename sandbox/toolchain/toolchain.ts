import { UserError } from "../../lib/errors.ts";
import type { WorkOptions } from "../steps.ts";
import { builtSet, ensureBuiltSet, type BuiltSet } from "./built-set.ts";
import { pulumiCli } from "./go-programs.ts";
import { installPulumi, installedFolder, installedPulumi } from "./installer.ts";
import { fits, fittingVersions, pulumiOnPath, type PathPulumi } from "./path-pulumi.ts";

/** The Pulumi that the commands of this project run. */
export interface Toolchain {
  /** Absolute path of the CLI. */
  pulumi: string;
  /** Where it comes from: the user's own, Pulumi's installer, or the build of this folder. */
  kind: "path" | "installer" | "go-build";
  /** Variables that every call needs. */
  env: Record<string, string>;
  /** One line for the summary. */
  description: string;
}

export interface ToolchainOptions extends WorkOptions {
  /** Name of the stack, for messages. */
  stack: string;
  /** May the CLI and stand-ins for Pulumi's plugins be built from Go modules? Always so for the sandbox. */
  allowBuilt: boolean;
}

/** Where a tool chain can come from; tests put others in. */
export interface ToolchainSources {
  onPath(): Promise<PathPulumi | undefined>;
  /** The CLI that the installer brought earlier. */
  installed(): string | undefined;
  install(options: WorkOptions): Promise<{ pulumi: string } | { unreachable: string }>;
  /** The set that was built earlier. */
  built(): BuiltSet | undefined;
  build(options: WorkOptions): Promise<BuiltSet>;
}

const realSources: ToolchainSources = {
  onPath: () => pulumiOnPath(),
  installed: installedPulumi,
  install: installPulumi,
  built: builtSet,
  build: ensureBuiltSet,
};

/**
 * Finds or brings Pulumi: a fitting one on PATH, the official installer's, the build from Go modules, in this order.
 * What was brought earlier is taken without asking the network.
 *
 * @throws UserError when none can be had, with what was tried.
 */
export async function ensureToolchain(options: ToolchainOptions, sources = realSources): Promise<Toolchain> {
  const onPath = await sources.onPath();
  if (onPath && fits(onPath.version)) return fromPath(onPath);
  const installed = sources.installed();
  if (installed) return fromInstaller(installed);
  const built = options.allowBuilt ? sources.built() : undefined;
  if (built) return fromBuild(built);

  const answer = await sources.install(options);
  if ("pulumi" in answer) return fromInstaller(answer.pulumi);
  const tried = [
    onPath
      ? `${onPath.path} is version ${onPath.version ?? "unknown"}, not ${fittingVersions}`
      : "no pulumi on PATH",
    `Pulumi's download site is out of reach (${answer.unreachable})`,
  ].join("; ");
  if (!options.allowBuilt) {
    throw new UserError(
      `No Pulumi for stack ${options.stack}: ${tried}: install Pulumi ${fittingVersions}, or add --built-toolchain to run a build from Go modules with stand-ins for its plugins.`,
    );
  }
  try {
    return fromBuild(await sources.build(options));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `No Pulumi: ${tried}; ${error.message.replace(/\.$/, "")}: install Pulumi (${fittingVersions}) or Go 1.25 or newer.`,
    );
  }
}

const always = { PULUMI_SKIP_UPDATE_CHECK: "1" };

function fromPath({ path, version }: PathPulumi): Toolchain {
  return { pulumi: path, kind: "path", env: always, description: `Pulumi ${version} on PATH (${path})` };
}

function fromInstaller(pulumi: string): Toolchain {
  return {
    pulumi,
    kind: "installer",
    // A home of its own: plugins of another tool chain must not get in.
    env: { ...always, PULUMI_HOME: `${installedFolder()}/home` },
    description: `Pulumi ${pulumiCli.version} from Pulumi's installer`,
  };
}

function fromBuild({ pulumi, home }: BuiltSet): Toolchain {
  return {
    pulumi,
    kind: "go-build",
    env: { ...always, PULUMI_HOME: home, PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1" },
    description: `Pulumi ${pulumiCli.version} built from its Go module, with stand-ins for the plugins docker and command`,
  };
}
