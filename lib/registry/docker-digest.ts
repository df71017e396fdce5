import { execa } from "execa";

/**
 * Asks for a digest by `docker buildx imagetools`: it has the logins of `docker login` and the machine's proxy, which our own
 * request has not. Undefined where that fails as well.
 */
export async function digestByDocker(reference: string, timeoutMs = 20_000): Promise<string | undefined> {
  const { exitCode, stdout } = await execa(
    "docker",
    ["buildx", "imagetools", "inspect", reference, "--format", "{{json .Manifest}}"],
    { reject: false, timeout: timeoutMs, stdin: "ignore" },
  );
  if (exitCode !== 0) return undefined;
  return /"digest":\s*"(sha256:[0-9a-f]{64})"/.exec(stdout)?.[1];
}
