import { cacheAddress, type CachePlace } from "./cache-address.ts";

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

/**
 * Whether what listens is a registry: all of them name their protocol, also where they want a login. One with TLS is asked
 * without, and says that it wants TLS.
 */
export async function isRegistry(place: CachePlace, timeoutMs = 3000): Promise<boolean> {
  try {
    const url = `http://${cacheAddress(place)}/v2/`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    if (place.tls) return answer.status === 400;
    return answer.headers.get("docker-distribution-api-version") === "registry/2.0";
  } catch {
    return false;
  }
}
