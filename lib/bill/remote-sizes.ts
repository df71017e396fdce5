import type { Proxies } from "../proxy/proxy.ts";
import { remoteBytes } from "../proxy/remote-bytes.ts";

/** Bytes of the files that ADD fetches, by address, as their servers say when asked for the head alone; null for Git and silence. */
export async function remoteSizes(
  addresses: string[],
  proxies: Proxies | undefined,
  timeoutMs: number,
): Promise<Map<string, number | null>> {
  const sizes = await Promise.all(
    [...new Set(addresses)].map(
      async (address) => [address, await sizeOf(address, proxies, timeoutMs)] as const,
    ),
  );
  return new Map(sizes);
}

async function sizeOf(
  address: string,
  proxies: Proxies | undefined,
  timeoutMs: number,
): Promise<number | null> {
  if (!/^https?:\/\//.test(address) || /\.git(#|$)/.test(address)) return null;
  return (await remoteBytes(address, { proxies, timeoutMs })) ?? null;
}
