import type * as z from "zod";
import { isObject } from "../daemon/desired.ts";
import { buildCacheProblems } from "./build-cache-checks.ts";
import { daemonProblems } from "./daemon-checks.ts";
import { packageCacheProblems } from "./package-cache-checks.ts";
import { registryCacheProblems } from "./registry-cache-checks.ts";
import type { RawSettings } from "./schema.ts";
import { dockerDaemon } from "./schema/docker-daemon.ts";
import { registryCache } from "./schema/registry-cache.ts";

/** The rules that concern more than one setting. */
export function crossChecks(settings: RawSettings): string[] {
  const problems: string[] = daemonProblems(settings.dockerDaemon);
  const names = ["cuda-base-runtime", "cuda-base-devel", ...Object.keys(settings.services)];
  for (const name of ["cuda-base-runtime", "cuda-base-devel"]) {
    if (name in settings.services)
      problems.push(`gpu-build-host:services.${name} is the name of a base; choose another name`);
  }
  if (settings.packageCache.mode === "own" && "package-cache" in settings.services)
    problems.push(
      "gpu-build-host:services.package-cache is the name of the package cache's image; choose another name",
    );
  for (const name of Object.keys(settings.rebuilds)) {
    // The counter of the package cache stays while it is off.
    if (!names.includes(name) && name !== "package-cache")
      problems.push(
        `gpu-build-host:rebuilds.${name} names no image of this stack; images: ${names.join(", ")}`,
      );
  }
  for (const name of Object.keys(settings.pinnedVersions)) {
    if (!names.includes(name))
      problems.push(
        `gpu-build-host:pinnedVersions.${name} names no image of this stack: take it out; images: ${names.join(", ")}`,
      );
  }
  problems.push(
    ...registryCacheProblems(settings.registryCache),
    ...packageCacheProblems(settings),
    ...buildCacheProblems(settings),
  );
  for (const [name, { args }] of Object.entries(settings.services)) {
    for (const argument of Object.keys(args).filter((key) => secretArgument.test(key))) {
      problems.push(
        `gpu-build-host:services.${name}.args.${argument} looks like a secret, and build arguments stay in the image's history (value not shown); use services.${name}.secrets with {env: "${argument}"}`,
      );
    }
  }
  return problems;
}

/** The same for settings that the schema refuses, as far as sections stand without the wrong ones: all problems come at once. */
export function partialChecks(values: Record<string, unknown>, issues: z.core.$ZodIssue[]): string[] {
  const wrong = issues.flatMap(({ path, ...issue }) =>
    path[0] !== "dockerDaemon" ? [] : issue.code === "unrecognized_keys" && !path[1] ? issue.keys : path[1],
  );
  const raw = values["dockerDaemon"];
  const rest = isObject(raw)
    ? Object.fromEntries(Object.entries(raw).filter(([key]) => !wrong.includes(key)))
    : raw;
  const daemon = dockerDaemon.safeParse(rest);
  // Without a wrong `tls` a cache would look exposed that is not: whole or not at all.
  const cache = registryCache.safeParse(values["registryCache"]);
  return [
    ...(daemon.success ? daemonProblems(daemon.data) : []),
    ...(cache.success ? registryCacheProblems(cache.data) : []),
  ];
}

const secretArgument = /(^|_)(token|password|passwd|secret|api_?key|credentials?)(_|$)/i;
