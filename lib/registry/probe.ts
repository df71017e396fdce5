/**
 * Whether something at an address speaks the registry's protocol.
 * @param address e.g. `"127.0.0.1:5000"`, asked by http
 * @returns `"silent"`: it takes the connection and says nothing, so a build would hang on it
 */
export async function probeRegistry(
  address: string,
  timeoutMs = 3000,
): Promise<"answers" | "refused" | "silent"> {
  try {
    await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(timeoutMs) });
    return "answers";
  } catch (error) {
    return (error as Error).name === "TimeoutError" ? "silent" : "refused";
  }
}

/** Whether what listens on a port of 127.0.0.1 is a registry: all of them name their protocol, also where they want a login. */
export async function isRegistry(port: number, timeoutMs = 3000): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`, { signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    return answer.headers.get("docker-distribution-api-version") === "registry/2.0";
  } catch {
    return false;
  }
}
