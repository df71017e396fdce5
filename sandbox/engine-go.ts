import { lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { debianEngine } from "./engine-debian.ts";
import type { EngineBinaries } from "./engine-release.ts";
import type { WorkOptions } from "./steps.ts";
import { ensureGoProgram } from "./toolchain/go-build.ts";
import { dockerd, runc } from "./toolchain/go-programs.ts";

/** Engine 29, which no Debian release has yet: dockerd and runc built from their Go modules, the rest is Debian testing's. */
export async function goEngine(options: WorkOptions): Promise<EngineBinaries> {
  const debian = await debianEngine("testing", options);
  const program = await ensureGoProgram(dockerd, options);
  const runtime = await ensureGoProgram(runc, options);
  const binDir = join(dirname(program), "bin");
  mkdirSync(binDir, { recursive: true });
  const others = readdirSync(debian.binDir).filter((name) => name !== dockerd.name && name !== runc.name);
  for (const name of others) link(join(debian.binDir, name), join(binDir, name));
  for (const built of [program, runtime]) link(built, join(binDir, basename(built)));
  return { ...debian, kind: "go-build", binDir, version: dockerd.version };
}

/** Leaves a link alone that is right: an engine may be starting with it. */
function link(target: string, path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) && readlinkSync(path) === target) return;
  rmSync(path, { force: true });
  symlinkSync(target, path);
}
