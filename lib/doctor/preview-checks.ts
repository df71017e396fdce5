import { buildCacheChecks } from "./checks/build-cache.ts";
import { cacheAccessChecks } from "./checks/cache-access.ts";
import { cacheChecks } from "./checks/cache.ts";
import { diskChecks } from "./checks/disk.ts";
import { dockerConfigChecks } from "./checks/docker-config.ts";
import { dockerEngineChecks } from "./checks/docker-engine.ts";
import { hostChecks } from "./checks/host.ts";
import { packageCacheChecks } from "./checks/package-cache.ts";
import { portChecks } from "./checks/port.ts";
import { secretChecks } from "./checks/secrets.ts";
import { tagChecks } from "./checks/tags.ts";
import type { CheckDefinition } from "./types.ts";

/** What would make a run fail half-way, and takes no time to look at. A daemon.json that is broken is left to the resource that edits it. */
const ids = new Set([
  "host.root",
  "docker.present",
  "docker.version",
  "docker.buildx",
  "docker.snapshotter",
  "docker.config.wanted",
  "docker.build-cache",
  "disk.bytes",
  "disk.inodes",
  "port.cache",
  "port.metrics",
  "cache.volume",
  "cache.tls",
  "cache.login",
  "cache.registries",
  "packages.port",
  "packages.volume",
  "image.tags",
  "host.secrets",
]);

/** The checks that run before every preview and update. */
export const previewChecks: CheckDefinition[] = [
  ...hostChecks,
  ...dockerEngineChecks,
  ...dockerConfigChecks,
  ...buildCacheChecks,
  ...diskChecks,
  ...portChecks,
  ...cacheChecks,
  ...cacheAccessChecks,
  ...packageCacheChecks,
  ...secretChecks,
  ...tagChecks,
].filter(({ id }) => ids.has(id));
