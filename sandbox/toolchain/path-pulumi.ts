import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { readJson, writeJson } from "../json-file.ts";
import { userCache } from "../user-cache.ts";

/** Oldest CLI that runs a local provider as this project has it; the next major version is not known to. */
const oldest = [3, 229] as const;

export interface PathPulumi {
  /** Absolute path of the program. */
  path: string;
  /** e.g. `"3.259.0"`; undefined if it does not say. */
  version: string | undefined;
}

/** The first `pulumi` on PATH, asked for its version once per file. */
export async function pulumiOnPath(path = process.env.PATH ?? ""): Promise<PathPulumi | undefined> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, "pulumi");
    try {
      accessSync(file, constants.X_OK);
      if (!statSync(file).isFile()) continue;
    } catch {
      continue;
    }
    return { path: file, version: await versionOf(file) };
  }
  return undefined;
}

/** True for a version that this project runs with. */
export function fits(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  return major === oldest[0] && minor >= oldest[1];
}

/** Which versions fit, for messages. */
export const fittingVersions = `${oldest.join(".")} or newer, below ${oldest[0] + 1}`;

interface Remembered {
  [file: string]: { modified: number; size: number; version: string | undefined };
}

/** Starting the CLI takes a tenth of a second, so its answer is kept until the file changes. */
async function versionOf(file: string): Promise<string | undefined> {
  const { mtimeMs: modified, size } = statSync(file);
  const key = realpathSync(file);
  const store = userCache("pulumi-versions.json");
  const known = readJson<Remembered>(store) ?? {};
  const entry = known[key];
  if (entry && entry.modified === modified && entry.size === size) return entry.version;
  const version = await askVersion(file);
  if (version) writeJson(store, { ...known, [key]: { modified, size, version } });
  return version;
}

/** What `pulumi version` says; undefined if it does not run. */
export async function askVersion(file: string): Promise<string | undefined> {
  const { execa } = await import("execa");
  const answer = await execa(file, ["version"], {
    reject: false,
    timeout: 20_000,
    stdin: "ignore",
    env: { PULUMI_SKIP_UPDATE_CHECK: "1" },
  });
  return /^v?(\d+\.\d+\.\d+\S*)$/m.exec(answer.stdout ?? "")?.[1];
}
