import { daemonProblems } from "./daemon-checks.ts";
import { registryCacheProblems } from "./registry-cache-checks.ts";
import type { RawSettings } from "./schema.ts";

/** The rules that concern more than one setting. */
export function crossChecks(settings: RawSettings): string[] {
  const problems: string[] = daemonProblems(settings.dockerDaemon);
  const names = ["cuda-base-runtime", "cuda-base-devel", ...Object.keys(settings.services)];
  for (const name of ["cuda-base-runtime", "cuda-base-devel"]) {
    if (name in settings.services)
      problems.push(`gpu-build-host:services.${name} is the name of a base; choose another name`);
  }
  for (const name of Object.keys(settings.rebuilds)) {
    if (!names.includes(name))
      problems.push(
        `gpu-build-host:rebuilds.${name} names no image of this stack; images: ${names.join(", ")}`,
      );
  }
  problems.push(...registryCacheProblems(settings.registryCache));
  for (const [name, { args }] of Object.entries(settings.services)) {
    for (const argument of Object.keys(args).filter((key) => secretArgument.test(key))) {
      problems.push(
        `gpu-build-host:services.${name}.args.${argument} looks like a secret, and build arguments stay in the image's history (value not shown); use services.${name}.secrets with {env: "${argument}"}`,
      );
    }
  }
  return problems;
}

const secretArgument = /(^|_)(token|password|passwd|secret|api_?key|credentials?)(_|$)/i;
