import { proxyFor, type Proxies } from "./proxy.ts";
import type { RequestOptions } from "./proxied-fetch.ts";

/** `fetch` by the way that the setting `proxy` gives: straight, or through a proxy. */
export async function fetchBy(
  proxies: Proxies | undefined,
  url: string,
  init: RequestOptions,
): Promise<Response> {
  const proxy = proxies && proxyFor(new URL(url), proxies);
  if (proxy === undefined) return fetch(url, init);
  const { proxiedFetch } = await import("./proxied-fetch.ts"); // Node's own knows no proxies
  return proxiedFetch(url, init, proxy);
}
