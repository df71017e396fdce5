import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { overlay, readRequirements, type Requirements } from "./requirements.ts";

/**
 * Folder of the base's locks.
 * @param lockName see `lockName` in lib/images/definitions.ts, e.g. `"torch2.7.1-cu128-py310"`
 */
export function baseLockFolder(root: string, lockName: string): string {
  return join(root, "cuda-base", "locks", lockName);
}

/**
 * The lock of a service for one base; the service's Dockerfile finds it by the build argument LOCK.
 * @param context the service's folder
 * @param lockName of the base that it stands on, e.g. `"torch2.7.1-cu128-py310"`
 */
export function serviceLockFile(context: string, lockName: string): string {
  return join(context, "locks", `${lockName}.lock`);
}

/** Names of the bases that a service has a lock for, e.g. `["torch2.7.1-cu126-py311"]`; empty where it has no locks at all. */
export function serviceLockNames(context: string): string[] {
  const folder = join(context, "locks");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".lock"))
    .map((file) => file.slice(0, -".lock".length))
    .sort();
}

/**
 * Files that a lock is resolved from, the first one always: `requirements.in`, and `requirements-torch2.8.0.in` where that
 * release of torch needs other pins.
 */
export function requirementsFiles(folder: string, torch: string): string[] {
  const own = join(folder, `requirements-torch${torch}.in`);
  return [join(folder, "requirements.in"), ...(existsSync(own) ? [own] : [])];
}

/** What `requirements.in` asks for with this torch: a package that the torch's own file names takes the place of its line there. */
export async function requirementsFor(folder: string, torch: string): Promise<Requirements> {
  const [common, own] = await Promise.all(
    requirementsFiles(folder, torch).map(async (path) => {
      const text = await readFile(path, "utf8").catch(() => {
        throw new UserError(`${path} does not exist; list what the image needs there, one package a line`);
      });
      return readRequirements(text, path);
    }),
  );
  return own ? overlay(common!, own) : common!;
}
