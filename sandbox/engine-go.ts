import { mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { debianEngine } from "./engine-debian.ts";
import type { EngineBinaries } from "./engine-binaries.ts";
import type { WorkOptions } from "./steps.ts";
import { ensureGoProgram } from "./toolchain/go-build.ts";
import { dockerd } from "./toolchain/go-programs.ts";

/** Engine 29, which no Debian release has yet: dockerd built from its Go module, all else from Debian's testing. */
export async function goEngine(options: WorkOptions): Promise<EngineBinaries> {
  const debian = await debianEngine("testing", options);
  const program = await ensureGoProgram(dockerd, options);
  const binDir = join(dirname(program), "bin");
  mkdirSync(binDir, { recursive: true });
  for (const name of readdirSync(debian.binDir).filter((name) => name !== "dockerd"))
    link(join(debian.binDir, name), join(binDir, name));
  link(program, join(binDir, "dockerd"));
  return { ...debian, kind: "go-build", binDir, version: dockerd.version };
}

function link(target: string, path: string): void {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}
