import { mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../lib/errors.ts";
import { unpackPackages } from "./apt-packages.ts";
import { debianRelease, debianSources } from "./debian.ts";
import { lowestEngine, type EngineBinaries } from "./engine-release.ts";
import { readJson, writeJson } from "./json-file.ts";
import { silent, type WorkOptions } from "./steps.ts";
import { ensureFolder, userCache } from "./user-cache.ts";

/** Releases whose docker.io is older than `lowestEngine` or lacks buildx, and the release to take it from. */
const engineRelease: Record<string, string> = { bookworm: "trixie" };

/**
 * Debian's engine, unpacked into the user's cache.
 *
 * @param wanted release to take it from, e.g. `"testing"`. @default the machine's own, or the first with a fitting engine
 */
export async function debianEngine(
  wanted: string | undefined,
  options: WorkOptions,
): Promise<EngineBinaries> {
  const own = debianRelease();
  const release = wanted ?? (own ? (engineRelease[own] ?? own) : undefined);
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
  const init = release === "trixie" ? "tini" : "tini-static"; // one package, later split
  const packages = ["docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", init];
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
