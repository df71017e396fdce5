import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import type { WorkOptions } from "../steps.ts";
import { userCache } from "../user-cache.ts";
import { registry } from "./go-programs.ts";
import { moduleHash } from "./module-hash.ts";

export const registryVersion = registry.version;

/**
 * Path of distribution's `registry`, which serves as the upstream and is put into the stand-in of its image: built from
 * its Go module, or where there is no Go the project's own release.
 *
 * @throws UserError when neither can be had.
 */
export async function ensureRegistryBinary(options: WorkOptions = {}): Promise<string> {
  const { ensureGoProgram, findGo, programPath, removeGoCaches } = await import("./go-build.ts");
  if (existsSync(programPath(registry))) return programPath(registry);
  const go = await findGo();
  if (typeof go !== "string") {
    const built = await ensureGoProgram(registry, options);
    await removeGoCaches(options);
    return built;
  }
  const { downloadRegistry } = await import("./registry-release.ts");
  const release = await downloadRegistry(
    userCache("toolchain", `registry-${registryVersion}-release`),
    options,
  );
  if ("folder" in release) return join(release.folder, "registry");
  throw new UserError(
    `No registry for the sandbox: ${go}; its release is out of reach (${release.unreachable}): install Go 1.25 or newer.`,
  );
}

/** Changes when another binary would be built. */
export function registryBuild(): string {
  return moduleHash(registry);
}
