import { execa } from "execa";
import { proxyVariables, type Proxies } from "../proxy/proxy.ts";

/**
 * Asks for a digest by `docker buildx imagetools`: it has the logins of `docker login` and the machine's proxy, which our own
 * request has not. Undefined where that fails as well.
 */
export async function digestByDocker(
  reference: string,
  { timeoutMs = 20_000, proxies }: { timeoutMs?: number; proxies?: Proxies } = {},
): Promise<string | undefined> {
  const { exitCode, stdout } = await execa(
    "docker",
    ["buildx", "imagetools", "inspect", reference, "--format", "{{json .Manifest}}"],
    {
      reject: false,
      timeout: timeoutMs,
      stdin: "ignore",
      env: hasAny(proxies) ? proxyVariables(proxies) : {},
    },
  );
  if (exitCode !== 0) return undefined;
  return /"digest":\s*"(sha256:[0-9a-f]{64})"/.exec(stdout)?.[1];
}

function hasAny(proxies: Proxies | undefined): proxies is Proxies {
  return proxies?.http !== undefined || proxies?.https !== undefined;
}
