import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../lib/errors.ts";
import { unpackPackages } from "./apt-packages.ts";
import { debianRelease, debianSources } from "./debian.ts";
import { readJson, writeJson } from "./json-file.ts";
import { silent, type WorkOptions } from "./steps.ts";
import { ensureFolder, userCache } from "./user-cache.ts";

/** Programs that a private engine needs. */
export interface EngineBinaries {
  kind: "machine" | "debian";
  /** Folder to put first on PATH; empty for the machine's own programs. */
  binDir: string;
  /** Folders with `docker-buildx` and `docker-compose`, besides those that the docker program looks into anyway. */
  pluginsDirs: string[];
  /** e.g. `"26.1.5+dfsg1"`. */
  version: string;
}

/** Lowest engine that the stack works with: BuildKit is its default builder from here on. */
export const lowestEngine = 23;

/** Releases whose docker.io is older than `lowestEngine` or lacks buildx, and the release to take it from. */
const engineRelease: Record<string, string> = { bookworm: "trixie" };
const programs = ["dockerd", "docker", "containerd", "containerd-shim-runc-v2", "runc"];

/** The machine's dockerd where it is new enough and complete; else Debian's, unpacked into the user's cache. */
export async function ensureEngineBinaries(options: WorkOptions = {}): Promise<EngineBinaries> {
  return (await machineEngine()) ?? (await debianEngine(options));
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

async function debianEngine(options: WorkOptions): Promise<EngineBinaries> {
  const own = debianRelease();
  const release = own ? (engineRelease[own] ?? own) : undefined;
  if (!own || !release) {
    throw new UserError(
      `No Docker Engine ${lowestEngine} or newer (with buildx and compose) on this machine, and its distribution is not Debian: install Docker Engine.`,
    );
  }
  const folder = await ensureFolder(
    userCache("engine", `${release}-${process.arch}-1`),
    (temporary) => unpackEngine(temporary, own, release, options),
    options,
  );
  const { version } = readJson<{ version: string }>(join(folder, "engine.json"))!;
  return { kind: "debian", binDir: join(folder, "bin"), pluginsDirs: [join(folder, "cli-plugins")], version };
}

async function unpackEngine(
  folder: string,
  own: string,
  release: string,
  options: WorkOptions,
): Promise<void> {
  const step = (detail: string) => (options.onStep ?? silent)({ name: "engine", detail });
  step(`fetching Debian ${release}'s Docker packages`);
  const files = join(folder, "files");
  const packages = ["docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "tini"];
  const sources = debianSources(release, "The private engine");
  const unpacked = await unpackPackages(packages, sources, files, join(folder, "apt"), options);
  step(`fetching Debian ${own}'s runc`);
  // A newer release's runc wants a newer C library; the others make do with this one's.
  const runc = await unpackPackages(
    ["runc"],
    debianSources(own, "runc"),
    files,
    join(folder, "apt"),
    options,
  );

  const bin = join(folder, "bin");
  mkdirSync(bin);
  const from: Record<string, string> = {
    dockerd: "usr/sbin/dockerd",
    "docker-proxy": "usr/sbin/docker-proxy",
    docker: "usr/bin/docker",
    containerd: "usr/bin/containerd",
    "containerd-shim-runc-v2": "usr/bin/containerd-shim-runc-v2",
    ctr: "usr/bin/ctr",
    runc: "usr/sbin/runc",
    "docker-init": "usr/bin/tini-static", // Debian has no program of that name; `docker run --init` asks for it
  };
  for (const [name, path] of Object.entries(from)) renameSync(join(files, path), join(bin, name));
  renameSync(join(files, "usr/libexec/docker/cli-plugins"), join(folder, "cli-plugins"));
  // People also call the plugin by its old name.
  symlinkSync("../cli-plugins/docker-compose", join(bin, "docker-compose"));
  rmSync(files, { recursive: true });

  const answer = await execa(join(bin, "dockerd"), ["--version"], { reject: false });
  const version = /version (\S+?),/.exec(answer.stdout ?? "")?.[1];
  if (!version)
    throw new UserError(
      `Debian ${release}'s dockerd does not run here: ${answer.stderr || answer.shortMessage}`,
    );
  const runs = await execa(join(bin, "runc"), ["--version"], { reject: false });
  if (runs.failed)
    throw new UserError(`Debian ${own}'s runc does not run here: ${runs.stderr || runs.shortMessage}`);
  writeJson(join(folder, "engine.json"), { version, packages: [...unpacked, ...runc] });
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
