import { mkdirSync } from "node:fs";
import { delimiter } from "node:path";
import type { EngineBinaries } from "./engine-release.ts";
import { readJson, writeJson } from "./json-file.ts";
import type { SandboxLayout } from "./layout.ts";

/** What a long-running dockerd is given: nothing that could be a secret. */
const kept = /^(PATH|HOME|LANG|TZ|SSL_CERT_FILE|SSL_CERT_DIR|https?_proxy|no_proxy|all_proxy)$/i;

/** Environment of the private dockerd. */
export function daemonEnvironment(binaries: EngineBinaries, env = process.env): Record<string, string> {
  const own = Object.entries(env).filter(
    (entry): entry is [string, string] => kept.test(entry[0]) && !!entry[1] && !hasLogin(entry[1]),
  );
  return { ...Object.fromEntries(own), PATH: pathWith(binaries, env) };
}

/** Variables with which `docker` and its plugins reach the private engine, whatever the user's own settings are. */
export function engineEnvironment(
  layout: SandboxLayout,
  binaries: EngineBinaries,
  env = process.env,
): Record<string, string> {
  return {
    DOCKER_HOST: layout.dockerHost,
    DOCKER_CONFIG: layout.dockerConfigDir,
    // A builder chosen for the user's own engine does not exist here.
    BUILDX_BUILDER: "default",
    ...(env.DOCKER_TLS_VERIFY ? { DOCKER_TLS_VERIFY: "" } : {}),
    PATH: pathWith(binaries, env),
  };
}

/** Tells the docker program where its plugins are. */
export function writeDockerConfig(layout: SandboxLayout, binaries: EngineBinaries): void {
  mkdirSync(layout.dockerConfigDir, { recursive: true, mode: 0o700 });
  const file = `${layout.dockerConfigDir}/config.json`;
  const config = readJson<Record<string, unknown>>(file) ?? {};
  writeJson(file, { ...config, cliPluginsExtraDirs: binaries.pluginsDirs });
}

/** A proxy with a login stays out: whoever may see the daemon's environment would see it for as long as it runs. */
function hasLogin(value: string): boolean {
  return URL.canParse(value) && new URL(value).username + new URL(value).password !== "";
}

function pathWith(binaries: EngineBinaries, env: NodeJS.ProcessEnv): string {
  const path = env.PATH ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const folders = path.split(delimiter).filter((folder) => folder && folder !== binaries.binDir);
  return [binaries.binDir, ...folders].filter(Boolean).join(delimiter);
}
