import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fetch, ProxyAgent } from "undici";

/** An index of Python packages on 127.0.0.1 that has nothing of its own. */
export interface CountedIndex {
  /** e.g. `"http://127.0.0.1:40123/pypi.org/simple"`. */
  url: string;
  close(): Promise<void>;
}

/**
 * Opens PyPI's index as seen through a line, for a program that knows no proxy: nginx of the package cache. `/HOST/PATH` is
 * `https://HOST/PATH`, and links of pages lead through here, too.
 *
 * @param proxy URL of the line's proxy
 */
export async function openCountedIndex(proxy: string): Promise<CountedIndex> {
  const agent = new ProxyAgent(proxy);
  let origin = "";
  const server = createServer((incoming, answer) => {
    const { range, accept, "if-none-match": etag, "if-modified-since": since } = incoming.headers;
    const wanted = { range, accept, "if-none-match": etag, "if-modified-since": since };
    const headers = Object.entries(wanted).filter((entry): entry is [string, string] => !!entry[1]);
    const left = new AbortController();
    answer.on("close", () => left.abort());
    fetch(`https:/${incoming.url}`, {
      method: incoming.method ?? "GET",
      // What nginx itself asks for: it reads pages, so they come as they are.
      headers: { ...Object.fromEntries(headers), "accept-encoding": "identity" },
      redirect: "manual",
      dispatcher: agent,
      signal: left.signal,
    })
      .then((response) => pass(response, origin, answer))
      .catch(() => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/pypi.org/simple`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await agent.destroy();
    },
  };
}

async function pass(
  response: Awaited<ReturnType<typeof fetch>>,
  origin: string,
  answer: ServerResponse,
): Promise<void> {
  const kept = ["content-type", "content-length", "content-range", "etag", "last-modified"];
  const headers = Object.fromEntries([...response.headers].filter(([name]) => kept.includes(name)));
  const place = response.headers.get("location");
  if (place) headers["location"] = place.replace(/^https:\/\//, `${origin}/`);
  if (/\/(vnd\.pypi\.simple|html)/.test(headers["content-type"] ?? "")) {
    const page = (await response.text()).replaceAll("https://", `${origin}/`);
    answer.writeHead(response.status, { ...headers, "content-length": Buffer.byteLength(page) }).end(page);
    return;
  }
  answer.writeHead(response.status, headers);
  if (response.body) await pipeline(Readable.fromWeb(response.body), answer);
  else answer.end();
}
