import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";

const systemFolders = [
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/** Why `docker buildx` cannot be used. The files are looked at first: starting the CLI costs a tenth of a second. */
export async function buildxProblem(
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ what: string; fix: string } | undefined> {
  const hasDocker = (env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, "docker")));
  if (!hasDocker)
    return {
      what: "The docker command is not on PATH",
      fix: "install Docker's CLI: https://docs.docker.com/engine/install/",
    };
  const config = env["DOCKER_CONFIG"] ?? join(homedir(), ".docker");
  const own = [join(config, "cli-plugins"), ...extraFolders(join(config, "config.json"))];
  if ([...own, ...systemFolders].some((folder) => existsSync(join(folder, "docker-buildx"))))
    return undefined;
  const { exitCode } = await execa("docker", ["buildx", "version"], { env, reject: false, timeout: 10_000 });
  if (exitCode === 0) return undefined;
  return {
    what: "docker has no buildx",
    fix: "install the package docker-buildx-plugin (Debian and Ubuntu: docker-buildx)",
  };
}

/** Folders of plugins that Docker's own configuration names. */
function extraFolders(file: string): string[] {
  try {
    return (
      (JSON.parse(readFileSync(file, "utf8")) as { cliPluginsExtraDirs?: string[] }).cliPluginsExtraDirs ?? []
    );
  } catch {
    return [];
  }
}
