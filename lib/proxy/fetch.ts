import { messageOf } from "../errors.ts";
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

/** Why `fetch` had no answer, e.g. `"ECONNREFUSED"`: it says only "fetch failed" itself, its cause says more. */
export function whyNoAnswer(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  return cause?.code ?? cause?.message ?? messageOf(error);
}
