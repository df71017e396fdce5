import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Trust } from "../registry/ask-trusting.ts";
import { requireManaged } from "./identify.ts";

/** Where dockerd looks for what belongs to one registry: `hosts.toml`, certificates. */
export const CERTS_FOLDER = "/etc/docker/certs.d";

/**
 * What has to stand before a path so that it names the file that an engine sees: nothing, or `/proc/<pid>/root` where its
 * dockerd has mounts of its own.
 *
 * @throws UserError for an engine that is not ours to configure (Docker Desktop, snap, …), or without root.
 */
export async function engineRoot(dockerHost: string): Promise<string> {
  const { process: dockerd } = await requireManaged(dockerHost, []);
  const mounts = (pid: number | "self") => readlink(`/proc/${pid}/ns/mnt`);
  return (await mounts(dockerd.pid)) === (await mounts("self")) ? "" : `/proc/${dockerd.pid}/root`;
}

/** The certificates that an engine has for a registry with HTTPS; undefined where it has none of its own. */
export async function engineTrust(dockerHost: string, registry: URL): Promise<Trust | undefined> {
  if (registry.protocol !== "https:") return undefined;
  const folder = (await engineRoot(dockerHost)) + join(CERTS_FOLDER, registry.host);
  const read = (name: string) => readFile(join(folder, name), "utf8").catch(() => undefined);
  const [ca, cert, key] = await Promise.all(["ca.crt", "client.cert", "client.key"].map(read));
  return ca === undefined ? undefined : { ca, cert, key };
}
