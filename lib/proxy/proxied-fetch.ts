import { fetch as fetchThrough, ProxyAgent } from "undici";

/** What our requests say of themselves; a part of what `fetch` takes. */
export interface RequestOptions {
  method?: string;
  headers?: Record<string, string>;
  redirect?: "follow" | "manual";
  signal: AbortSignal;
}

/** `fetch` through a proxy, which may have a login in its URL. A module of its own: loaded only where there is a proxy. */
export async function proxiedFetch(url: string, init: RequestOptions, proxy: string): Promise<Response> {
  const dispatcher = new ProxyAgent({ uri: proxy, pipelining: 0 }); // one request a connection: none is left open
  return (await fetchThrough(url, { ...init, dispatcher })) as unknown as Response;
}
