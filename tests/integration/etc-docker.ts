import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { sandboxLayout } from "../../sandbox/layout.ts";
import type { Project } from "./project.ts";

const folder = "/etc/docker";

/** A folder /etc/docker that only one project's engine sees. */
export interface EtcDocker {
  /** Where a file of it is for us, e.g. `path("certs.d/nvcr.io/hosts.toml")`. */
  path(file: string): string;
  /** To be called after the project was removed. */
  restore(): void;
}

/** Starts a project's engine with an empty /etc/docker of its own, so that the machine's stays as it is. */
export async function startWithOwnEtcDocker(project: Project): Promise<EtcDocker> {
  const isMissing = !existsSync(folder);
  if (isMissing) mkdirSync(folder); // a mount needs a place
  const start = `mount -t tmpfs tmpfs ${folder} && exec node ${project.root}/bootstrap/run.mjs env --json`;
  const { exitCode, output } = await project.exec("unshare", ["--mount", "sh", "-c", start]);
  if (exitCode !== 0) throw new Error(`the engine did not start:\n${output}`);
  const { pidFile } = sandboxLayout(join(project.root, ".sandbox"));
  return {
    path: (file) => join(`/proc/${readFileSync(pidFile, "utf8")}/root${folder}`, file),
    restore: () => (isMissing ? rmdirSync(folder) : undefined),
  };
}
