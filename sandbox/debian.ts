import { readFileSync } from "node:fs";
import { UserError } from "../lib/errors.ts";
import { machineAptSources, rewriteSuite, type AptSource } from "./apt-sources.ts";

/** The machine's Debian release, e.g. `"bookworm"`; undefined on another distribution. */
export function debianRelease(osRelease = readFileSync("/etc/os-release", "utf8")): string | undefined {
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(osRelease)?.[1];
  return field("ID") === "debian" ? field("VERSION_CODENAME") : undefined;
}

/**
 * Debian's archives for one release, by the address that the machine itself uses.
 *
 * On another distribution the variable GPU_BUILD_HOST_DEBIAN_MIRROR names the archive.
 *
 * @param purpose for the message, e.g. `"the private engine"`.
 */
export function debianSources(release: string, purpose: string, own = debianRelease()): AptSource[] {
  const mirror = process.env.GPU_BUILD_HOST_DEBIAN_MIRROR;
  if (mirror) return [{ uri: mirror, suite: release, components: ["main"] }];
  const sources = own ? rewriteSuite(machineAptSources(), own, release) : [];
  if (sources.length > 0) return sources;
  throw new UserError(
    `${purpose} comes from Debian's packages, and this machine's apt sources name no Debian archive: set GPU_BUILD_HOST_DEBIAN_MIRROR to the address of one.`,
  );
}
