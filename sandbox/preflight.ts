import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import prettyBytes from "pretty-bytes";
import { UserError } from "../lib/errors.ts";

/** @throws UserError unless we are root: a private dockerd mounts file systems and makes cgroups. */
export function requireRoot(uid = process.getuid?.()): void {
  if (uid === 0) return;
  throw new UserError(
    `The sandbox needs root, since it runs a dockerd of its own; this is user ${uid}: run it with sudo.`,
  );
}

/** @throws UserError where a private dockerd cannot run at all. */
export function requireLinux(platform: string = process.platform, arch: string = process.arch): void {
  if (platform === "linux" && arch === "x64") return;
  throw new UserError(
    `The sandbox needs Linux on x86-64, since it runs a dockerd of its own; this is ${platform} on ${arch}.`,
  );
}

/**
 * @param folder need not exist yet: its nearest parent that does counts.
 * @throws UserError when the disk of `folder` has less than `bytes` left.
 */
export function requireFreeDisk(folder: string, bytes: number): void {
  const free = freeDisk(folder);
  if (free >= bytes) return;
  throw new UserError(
    `Too little disk space at ${folder}: ${prettyBytes(free)} free, ${prettyBytes(bytes)} needed: make room or move the clone to a larger disk.`,
  );
}

/** Bytes that may still be written to the disk of `folder`. */
export function freeDisk(folder: string): number {
  let present = folder;
  while (!existsSync(present)) present = dirname(present);
  const disk = statfsSync(present);
  return disk.bavail * disk.bsize;
}
