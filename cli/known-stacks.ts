import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { socketOf } from "../lib/docker/request.ts";
import { UserError } from "../lib/errors.ts";
import type { StackLimits } from "../lib/prune/versions.ts";
import { settingsOfStackFile } from "../lib/settings/load.ts";
import { bytesOf } from "../lib/settings/quantities.ts";
import { sandboxRoot } from "./stack-context.ts";

/** What the stacks of this clone that use one engine keep for going back, by their names. */
export function limitsOfStacks(
  root: string,
  dockerHost: string,
): { limits: Map<string, StackLimits>; notes: string[] } {
  const limits = new Map<string, StackLimits>();
  const notes: string[] = [];
  for (const stack of stacksOf(root)) {
    try {
      const { engine, keepVersions, keepStorage, pinnedVersions } = settingsOfStackFile(root, stack);
      if (socketFile(engine.host) !== socketFile(dockerHost)) continue;
      limits.set(stack, {
        versions: keepVersions,
        storage: bytesOf(keepStorage) ?? 0,
        pinned: Object.values(pinnedVersions),
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // The sandbox's settings need its engine, which then is not this one.
      if (stack !== "sandbox")
        notes.push(`Pulumi.${stack}.yaml has problems: of the stack "${stack}" stays what its last run kept`);
    }
  }
  return { limits, notes };
}

/** The engines of the stacks of this clone. A stack whose settings have problems is left out. */
export function enginesOfStacks(root: string): { dockerHost: string; stateDir: string; stacks: string[] }[] {
  const engines = new Map<string, { dockerHost: string; stateDir: string; stacks: string[] }>();
  for (const stack of stacksOf(root)) {
    try {
      const { engine, stateDir } = settingsOfStackFile(root, stack);
      const known = engines.get(`${socketFile(engine.host)} ${stateDir}`);
      if (known) known.stacks.push(stack);
      else
        engines.set(`${socketFile(engine.host)} ${stateDir}`, {
          dockerHost: engine.host,
          stateDir,
          stacks: [stack],
        });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
  return [...engines.values()];
}

function stacksOf(root: string): string[] {
  return readdirSync(root).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
}

function socketFile(dockerHost: string): string {
  try {
    return realpathSync(socketOf(dockerHost));
  } catch {
    return dockerHost;
  }
}

/** Stacks of this project that Pulumi has a state of: in the back-end of the environment, of the login, of the sandbox. */
export function stacksWithState(): Set<string> {
  const backends = [
    process.env["PULUMI_BACKEND_URL"],
    loginOfPulumi(),
    `file://${join(sandboxRoot, "pulumi")}`,
  ];
  const found = new Set<string>();
  for (const url of backends) {
    if (!url?.startsWith("file://")) continue;
    const folder = join(
      url.slice("file://".length).replace(/^~/, homedir()),
      ".pulumi",
      "stacks",
      "gpu-build-host",
    );
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      const stack = /^(.+)\.json$/.exec(name)?.[1];
      if (stack !== undefined) found.add(stack);
    }
  }
  return found;
}

function loginOfPulumi(): string | undefined {
  try {
    const file = join(process.env["PULUMI_HOME"] ?? join(homedir(), ".pulumi"), "credentials.json");
    return (JSON.parse(readFileSync(file, "utf8")) as { current?: string }).current;
  } catch {
    return undefined; // never logged in
  }
}
