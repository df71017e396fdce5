import { accessSync, constants, existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../lib/errors.ts";
import { engineReleases, lowestEngine, type EngineBinaries, type EngineRelease } from "./engine-release.ts";
import { readJson } from "./json-file.ts";
import type { WorkOptions } from "./steps.ts";

const programs = ["dockerd", "docker", "containerd", "containerd-shim-runc-v2", "runc"];

/**
 * The machine's dockerd where it is new enough and complete; else Debian's, unpacked into the user's cache.
 *
 * @param options.release a certain engine, whatever the machine has. @default what the variable GBH_ENGINE names
 */
export async function ensureEngineBinaries(
  options: WorkOptions & { release?: EngineRelease } = {},
): Promise<EngineBinaries> {
  const release = options.release ?? releaseOf(process.env.GBH_ENGINE);
  const machine = release ? undefined : await machineEngine();
  if (machine) return machine;
  const { debianEngine } = await import("./engine-debian.ts");
  if (release !== "go29") return debianEngine(release, options);
  const { goEngine } = await import("./engine-go.ts");
  return goEngine(options);
}

function releaseOf(name: string | undefined): EngineRelease | undefined {
  if (!name) return undefined;
  const release = engineReleases.find((known) => known === name);
  if (!release)
    throw new UserError(`GBH_ENGINE is "${name}": use ${engineReleases.join(", ")}, or unset it.`);
  return release;
}

/** The machine's own programs, if they are complete and new enough. */
export async function machineEngine(path = process.env.PATH ?? ""): Promise<EngineBinaries | undefined> {
  if (!programs.every((program) => onPath(program, path))) return undefined;
  const run = (...command: [string, ...string[]]) =>
    execa(command[0], command.slice(1), { reject: false, env: { PATH: path }, timeout: 10_000 });
  const version = /version (\d+)(\S*?),/.exec((await run("dockerd", "--version")).stdout ?? "");
  if (!version || Number(version[1]) < lowestEngine) return undefined;
  const plugins = await Promise.all([
    run("docker", "buildx", "version"),
    run("docker", "compose", "version"),
  ]);
  if (plugins.some(({ failed }) => failed)) return undefined;
  return { kind: "machine", binDir: "", pluginsDirs: userPlugins(), version: `${version[1]}${version[2]}` };
}

/** Where the user's own plugins are: the sandbox has another DOCKER_CONFIG, which would hide them. */
export function userPlugins(
  dockerConfig = process.env.DOCKER_CONFIG ?? join(homedir(), ".docker"),
): string[] {
  const config = readJson<{ cliPluginsExtraDirs?: string[] }>(join(dockerConfig, "config.json"));
  return [join(dockerConfig, "cli-plugins"), ...(config?.cliPluginsExtraDirs ?? [])].filter((dir) =>
    existsSync(dir),
  );
}

function onPath(program: string, path: string): boolean {
  return path
    .split(delimiter)
    .filter(Boolean)
    .some((folder) => {
      try {
        accessSync(join(folder, program), constants.X_OK);
        return existsSync(join(folder, program));
      } catch {
        return false;
      }
    });
}
