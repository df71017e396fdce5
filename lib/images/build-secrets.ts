import { readProxies } from "../proxy/proxy.ts";
import { redactor } from "../secrets/redact.ts";
import { sourceProblem, type SecretSource } from "../secrets/source.ts";
import { loginForms } from "../secrets/url-login.ts";
import type { ImagePlan } from "./types.ts";

/**
 * Problems with build secrets, one line each: BuildKit takes an unset variable for an empty secret and goes on. Asked only
 * for images that are still to be built: what is built needs no token any more.
 * @param image name, for the message
 */
export function secretProblems(
  image: string,
  secrets: Record<string, SecretSource>,
  env: NodeJS.ProcessEnv = process.env,
): string[] {
  return Object.entries(secrets).flatMap(([id, source]) => {
    const problem = sourceProblem(source, env);
    return problem ? [`image "${image}": the build secret "${id}" ${problem}`] : [];
  });
}

/** Value of one `--secret` option. */
export function secretOption(id: string, source: SecretSource): string {
  return "env" in source ? `id=${id},env=${source.env}` : `id=${id},src=${source.file}`;
}

/**
 * Takes the values of an image's secrets out of a text: a command may print its own, and errors go to logs and history.
 * @param urls further URLs, which may have a login
 */
export function redactorOf(
  { secrets, proxy }: Pick<ImagePlan, "secrets" | "proxy">,
  urls: string[] = [],
): (text: string) => string {
  const { http, https } = readProxies(proxy ?? { noProxy: [] });
  const logins = [http, https, ...urls]
    .filter((url) => url !== undefined)
    .filter((url) => loginForms(url).length > 0);
  return redactor([...Object.values(secrets), ...logins]);
}
