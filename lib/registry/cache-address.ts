import { isIPv6 } from "node:net";

/** Where a cache listens. */
export interface CachePlace {
  /** IP address, e.g. `"127.0.0.1"`, `"0.0.0.0"` or `"::1"`. @default "127.0.0.1" */
  bind?: string | undefined;
  port: number;
  /** Set where it speaks HTTPS. */
  tls?: object | undefined;
}

/** Whether an IP address is this machine's own loopback. */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^127\./.test(address);
}

/** The IP address under which this host itself reaches a cache: loopback where it listens on all of them. */
export function ownAddress(bind = "127.0.0.1"): string {
  if (bind === "0.0.0.0") return "127.0.0.1";
  return isIPv6(bind) && /^[0:]+$/.test(bind) ? "::1" : bind;
}

/** Host and port as a URL has them, e.g. `"127.0.0.1:5000"` or `"[::1]:5000"`. */
export function hostAndPort(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Host and port under which this host reaches a cache, e.g. `"127.0.0.1:5000"`. */
export function cacheAddress({ bind, port }: CachePlace): string {
  return hostAndPort(ownAddress(bind), port);
}

/** The same as a URL, as it stands in `registry-mirrors`. */
export function cacheUrl(place: CachePlace): string {
  return `${place.tls ? "https" : "http"}://${cacheAddress(place)}`;
}
