import { secretProblems } from "../images/build-secrets.ts";
import type { ImagePlan } from "../images/types.ts";
import { proxyProblems } from "../proxy/proxy.ts";
import type { Settings } from "../settings/settings.ts";
import { caBundleProblem } from "./ca-bundle.ts";
import { sourceProblem } from "./source.ts";

/**
 * A line for each secret that cannot be had. Proxies count always: the cache needs them in every run. The others count
 * for images that are still to be built: what is built needs no token any more.
 * @param toBuild images that are not on the engine yet
 */
export function missingSecrets(settings: Settings, toBuild: ImagePlan[]): string[] {
  const { caBundle } = settings.build;
  const index = settings.cudaBase.packageIndexSecret;
  const problems = proxyProblems(settings.proxy);
  if (caBundle !== undefined && toBuild.some(({ secrets }) => isFile(secrets.ca, caBundle))) {
    const problem = caBundleProblem(caBundle);
    const key =
      caBundle === process.env.SSL_CERT_FILE
        ? "the variable SSL_CERT_FILE:"
        : "gpu-build-host:build.caBundle";
    if (problem) problems.push(`${key} ${problem}`);
  }
  for (const { name, secrets } of toBuild) {
    const { ca, "package-index": packageIndex, ...others } = secrets;
    if (packageIndex && index && name === "cuda-base-runtime") {
      const problem = sourceProblem(packageIndex);
      if (problem) problems.push(`gpu-build-host:cudaBase.packageIndexSecret ${problem}`);
    } else if (packageIndex) problems.push(...secretProblems(name, { "package-index": packageIndex }));
    if (ca && !isFile(ca, caBundle)) problems.push(...secretProblems(name, { ca }));
    problems.push(...secretProblems(name, others));
  }
  return problems;
}

function isFile(source: ImagePlan["secrets"][string] | undefined, path: string | undefined): boolean {
  return source !== undefined && "file" in source && source.file === path;
}
