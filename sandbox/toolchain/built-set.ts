import { createHash } from "node:crypto";
import { copyFileSync, existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { silent, type WorkOptions } from "../steps.ts";
import { ensureFolder, userCache } from "../user-cache.ts";
import { commandPluginHash, commandVersion, writeCommandPlugin } from "./command-plugin.ts";
import { moduleHash } from "./module-hash.ts";
import { dockerPlugin, languageHost, pulumiCli, registry } from "./go-programs.ts";

/** The CLI, its language host and the plugins, as built from Go modules and from this folder. */
export interface BuiltSet {
  pulumi: string;
  /** `PULUMI_HOME` with the two plugins. */
  home: string;
}

/** The built set, if the user's cache has it. */
export function builtSet(): BuiltSet | undefined {
  return existsSync(join(folderOf(), ".complete")) ? describe(folderOf()) : undefined;
}

/**
 * Builds what is missing of the tool chain, one program after another, and puts it together.
 *
 * @throws UserError when Go is missing or too old.
 */
export async function ensureBuiltSet(options: WorkOptions = {}): Promise<BuiltSet> {
  const present = builtSet();
  if (present) return present;
  const { ensureGoProgram, removeGoCaches } = await import("./go-build.ts");
  const programs: string[] = [];
  for (const program of [pulumiCli, languageHost, dockerPlugin])
    programs.push(await ensureGoProgram(program, options));
  // The sandbox needs it next, and the modules that it shares with the others are here now.
  await ensureGoProgram(registry, options);
  await ensureFolder(folderOf(), (temporary) => assemble(temporary, programs, options), options);
  await removeGoCaches(options);
  return describe(folderOf());
}

async function assemble(folder: string, programs: string[], options: WorkOptions): Promise<void> {
  const { execa } = await import("execa");
  const { askVersion } = await import("./path-pulumi.ts");
  (options.onStep ?? silent)({ name: "tool chain", detail: "installing the plugins" });
  const [cli = "", host = "", docker = ""] = programs;
  const bin = join(folder, "bin");
  mkdirSync(bin);
  place(cli, join(bin, pulumiCli.name));
  placeLanguageHost(host, bin);

  const command = join(folder, "command");
  await writeCommandPlugin(command);
  const pulumi = join(bin, "pulumi");
  const env = { PULUMI_HOME: join(folder, "home"), PULUMI_SKIP_UPDATE_CHECK: "1" };
  const plugins = [
    [dockerPlugin.name.replace("pulumi-resource-", ""), dockerPlugin.version, docker],
    ["command", commandVersion, command],
  ];
  for (const [name = "", version = "", file = ""] of plugins) {
    const result = await execa(pulumi, ["plugin", "install", "resource", name, version, "--file", file], {
      env,
      reject: false,
      cancelSignal: options.signal,
    });
    options.signal?.throwIfAborted();
    if (result.failed)
      throw new UserError(
        `The plugin ${name} ${version} cannot be installed: ${result.stderr || result.shortMessage}`,
      );
  }
  rmSync(command, { recursive: true });
  const version = await askVersion(pulumi);
  if (version !== pulumiCli.version) {
    throw new UserError(
      `The built pulumi says ${version ?? "nothing"} for its version, not ${pulumiCli.version}: remove ${cli} and start again.`,
    );
  }
}

function folderOf(): string {
  const parts = [...[pulumiCli, languageHost, dockerPlugin].map(moduleHash), commandPluginHash(), 2];
  const hash = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
  return userCache("toolchain", `built-${pulumiCli.version}-${hash}`);
}

function describe(folder: string): BuiltSet {
  return { pulumi: join(folder, "bin", "pulumi"), home: join(folder, "home") };
}

/**
 * This language host wants as a flag what the newer CLI tells it in a message, so `typescript: false` of Pulumi.yaml would not
 * reach it: every run loaded the compiler for nothing, 0.2 s of CPU.
 */
function placeLanguageHost(host: string, bin: string): void {
  const real = `${languageHost.name}-${languageHost.version}`;
  place(host, join(bin, real));
  const script = `#!/bin/sh\nexec "\${0%/*}/${real}" -typescript=false "$@"\n`;
  writeFileSync(join(bin, languageHost.name), script, { mode: 0o755 });
}

/** A hard link costs no disk; another file system needs a copy. */
function place(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
