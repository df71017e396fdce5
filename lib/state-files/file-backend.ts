import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";

/**
 * Folder of Pulumi's state as Pulumi itself finds it: PULUMI_BACKEND_URL, then `backend.url` of Pulumi.yaml, then what
 * `pulumi login` noted. Undefined for a back-end that is no folder: that is left to Pulumi.
 *
 * @param root the project's folder.
 * @param env all that Pulumi is given.
 */
export function fileBackend(root: string, env: NodeJS.ProcessEnv): string | undefined {
  const url = env["PULUMI_BACKEND_URL"] || projectBackend(root) || loggedIn(env);
  if (!url?.startsWith("file://")) return undefined;
  const path = url.slice("file://".length).replace(/\?.*$/, "");
  return resolve(root, path.replace(/^~(?=\/|$)/, env["HOME"] ?? homedir()));
}

function projectBackend(root: string): string | undefined {
  const project = parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as { backend?: { url?: string } };
  return project.backend?.url;
}

function loggedIn(env: NodeJS.ProcessEnv): string | undefined {
  const folder =
    env["PULUMI_CREDENTIALS_PATH"] || env["PULUMI_HOME"] || join(env["HOME"] ?? homedir(), ".pulumi");
  try {
    const file = readFileSync(join(folder, "credentials.json"), "utf8");
    return (JSON.parse(file) as { current?: string }).current;
  } catch {
    return undefined; // never logged in
  }
}
