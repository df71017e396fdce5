import { request as httpRequest } from "node:http";
import { connect as http2Connect, constants, type ClientHttp2Session } from "node:http2";
import { request as httpsRequest } from "node:https";
import { isIP, type Socket } from "node:net";
import { connect as tlsConnect, type TLSSocket } from "node:tls";
import { basicLogin } from "../secrets/url-login.ts";
import { fetchBy } from "./fetch.ts";
import { proxyFor, type Proxies } from "./proxy.ts";

/** What a server says of a page before it sends it. */
export interface AnswerHead {
  status: number;
  /** Bytes that it would send, packed where it packs them; undefined where it does not say. */
  bytes?: number;
  /** It can tell later that the page is still the same (ETag, Last-Modified). */
  hasValidators: boolean;
  /** A copy may be used for some time without asking again (`max-age`). */
  staysFresh: boolean;
}

/** One server that is asked for many heads. */
export interface HeadAsker {
  /** undefined where it does not answer. */
  ask(url: string): Promise<AnswerHead | undefined>;
  close(): void;
}

export interface HeadOptions {
  /** @default straight */
  proxies?: Proxies | undefined;
  /** Headers of each question, in small letters. */
  headers: Record<string, string>;
  /** Ends everything. */
  signal: AbortSignal;
}

/**
 * Opens the way to the server of an address: one HTTP/2 connection where it has that, since a hundred handshakes cost
 * seconds; else a request each. No body is fetched.
 *
 * @throws Node's own error where an https server cannot be reached.
 */
export async function openHeads(address: string, options: HeadOptions): Promise<HeadAsker> {
  const session = await openSession(new URL(address), options);
  const ask = session
    ? (url: string, method: string) => askSession(session, url, method, options.headers)
    : (url: string, method: string) => askAlone(url, method, options);
  // The head of a GET says what a GET brings: some servers reckon a HEAD without what they do to a page on its way.
  const methods = session ? ["GET", "HEAD"] : ["HEAD", "GET"];
  return {
    ask: async (url) => {
      let head: AnswerHead | undefined;
      for (const method of methods) {
        if (options.signal.aborted) break;
        head = (await ask(url, method).catch(() => undefined)) ?? head;
        if (head === undefined || head.status !== 200 || head.bytes !== undefined) break;
      }
      return head;
    },
    close: () => session?.destroy(),
  };
}

/** A connection by HTTP/2 that lets no byte of a body come; undefined where the server has none. */
async function openSession(url: URL, options: HeadOptions): Promise<ClientHttp2Session | undefined> {
  if (url.protocol !== "https:") return undefined;
  const socket = await openTls(url, options);
  if (socket.alpnProtocol !== "h2") {
    socket.destroy();
    return undefined;
  }
  const session = http2Connect(url.origin, {
    createConnection: () => socket,
    settings: { initialWindowSize: 0 },
  });
  session.on("error", () => {}); // its streams end with it
  options.signal.addEventListener("abort", () => session.destroy(), { once: true });
  return session;
}

async function openTls(url: URL, { proxies, signal }: HeadOptions): Promise<TLSSocket> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const proxy = proxies && proxyFor(url, proxies);
  const socket = proxy === undefined ? undefined : await tunnel(url, proxy, signal);
  return new Promise((resolve, reject) => {
    const secured = tlsConnect({
      host,
      ...(socket ? { socket } : { port: portOf(url) }),
      ...(!isIP(host) && { servername: host }),
      ALPNProtocols: ["h2", "http/1.1"],
    });
    const stop = () => secured.destroy(new Error("no answer in time"));
    signal.addEventListener("abort", stop, { once: true });
    secured.once("secureConnect", () => {
      signal.removeEventListener("abort", stop);
      resolve(secured);
    });
    secured.on("error", reject);
  });
}

function tunnel(target: URL, proxy: string, signal: AbortSignal): Promise<Socket> {
  const way = new URL(proxy);
  const path = `${target.hostname}:${portOf(target)}`;
  const login = basicLogin(proxy);
  const headers = { host: path, ...(login && { "proxy-authorization": `Basic ${login}` }) };
  const start = way.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const asked = start({
      ...{ host: way.hostname, port: portOf(way), method: "CONNECT", path, headers },
      ...{ agent: false, signal },
    });
    asked.once("connect", ({ statusCode }, socket: Socket) => {
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`the proxy answers with status ${statusCode}`));
    });
    asked.once("error", reject);
    asked.end();
  });
}

function portOf({ protocol, port }: URL): number {
  return Number(port || (protocol === "https:" ? 443 : 80));
}

async function askSession(
  session: ClientHttp2Session,
  url: string,
  method: string,
  headers: Record<string, string>,
): Promise<AnswerHead | undefined> {
  const { pathname, search } = new URL(url);
  const stream = session.request({ ":method": method, ":path": pathname + search, ...headers });
  return new Promise((resolve) => {
    stream.once("response", (answer) => {
      resolve(headOf(answer[":status"] ?? 0, (name) => answer[name] as string | undefined));
      stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.on("error", () => resolve(undefined));
    stream.once("close", () => resolve(undefined));
  });
}

async function askAlone(
  url: string,
  method: string,
  { proxies, headers, signal }: HeadOptions,
): Promise<AnswerHead> {
  const answer = await fetchBy(proxies, url, { method, headers, signal });
  await answer.body?.cancel();
  return headOf(answer.status, (name) => answer.headers.get(name) ?? undefined);
}

function headOf(status: number, header: (name: string) => string | undefined): AnswerHead {
  const bytes = Number(header("content-length"));
  const hasValidators = header("etag") !== undefined || header("last-modified") !== undefined;
  const staysFresh = /\bmax-age=[1-9]/.test(header("cache-control") ?? "");
  return { status, hasValidators, staysFresh, ...(bytes > 0 && { bytes }) };
}
