import { buildCacheChecks } from "./checks/build-cache.ts";
import { buildChecks } from "./checks/build.ts";
import { cacheAccessChecks } from "./checks/cache-access.ts";
import { cacheChecks } from "./checks/cache.ts";
import { diskChecks } from "./checks/disk.ts";
import { dockerConfigChecks } from "./checks/docker-config.ts";
import { dockerEngineChecks } from "./checks/docker-engine.ts";
import { gpuChecks } from "./checks/gpu.ts";
import { hostChecks } from "./checks/host.ts";
import { imageChecks } from "./checks/image.ts";
import { netChecks } from "./checks/net.ts";
import { packageCacheChecks } from "./checks/package-cache.ts";
import { portChecks } from "./checks/port.ts";
import { pulumiChecks } from "./checks/pulumi.ts";
import { secChecks } from "./checks/sec.ts";
import { secretChecks } from "./checks/secrets.ts";
import { tagChecks } from "./checks/tags.ts";
import { timeChecks } from "./checks/time.ts";
import type { CheckDefinition } from "./types.ts";

/** Every check, in the order in which `npm run doctor` prints them. */
export const allChecks: CheckDefinition[] = [
  ...dockerEngineChecks,
  ...dockerConfigChecks,
  ...diskChecks,
  ...portChecks,
  ...cacheChecks,
  ...cacheAccessChecks,
  ...packageCacheChecks,
  ...buildCacheChecks,
  ...netChecks,
  ...timeChecks,
  ...gpuChecks,
  ...imageChecks,
  ...tagChecks,
  ...buildChecks,
  ...secChecks,
  ...pulumiChecks,
  ...hostChecks,
  ...secretChecks,
];
