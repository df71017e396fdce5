import { fetchBy } from "./fetch.ts";
import type { Proxies } from "./proxy.ts";

/** How, and how long, to ask for the size of a file. */
export interface RemoteBytesOptions {
  /** @default straight */
  proxies?: Proxies | undefined;
  /** Milliseconds for the answer. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** Bytes of the file at an address, as its server says when asked for the head alone; undefined where it does not say. */
export async function remoteBytes(
  address: string,
  { proxies, timeoutMs, signal }: RemoteBytesOptions,
): Promise<number | undefined> {
  try {
    const limit = AbortSignal.timeout(timeoutMs);
    const answer = await fetchBy(proxies, address, {
      method: "HEAD",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const bytes = Number(answer.headers.get("content-length"));
    return answer.ok && bytes > 0 ? bytes : undefined;
  } catch {
    return undefined;
  }
}
