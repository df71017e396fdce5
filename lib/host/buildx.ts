import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";

const pluginFolders = [
  join(process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker"), "cli-plugins"),
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/** One line where `docker buildx` cannot be used. The files are looked at first: starting the CLI costs a tenth of a second. */
export async function buildxProblem(): Promise<string | undefined> {
  const hasDocker = (process.env["PATH"] ?? "")
    .split(delimiter)
    .some((folder) => existsSync(join(folder, "docker")));
  if (!hasDocker)
    return "The docker command is not on PATH: install Docker's CLI: https://docs.docker.com/engine/install/";
  if (pluginFolders.some((folder) => existsSync(join(folder, "docker-buildx")))) return undefined;
  const { exitCode } = await execa("docker", ["buildx", "version"], { reject: false, timeout: 10_000 });
  if (exitCode === 0) return undefined;
  return "docker has no buildx: install the package docker-buildx-plugin (Debian and Ubuntu: docker-buildx).";
}
