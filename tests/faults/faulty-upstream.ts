import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What goes wrong with an answer of the upstream. */
export type Fault =
  | "too many requests"
  | "server error"
  | "truncated"
  | "wrong bytes"
  | "redirect loop"
  /** It takes the request and says nothing until `heal`; then it answers well. */
  | "stall";

const broken: Record<
  Exclude<Fault, "stall">,
  (answer: ServerResponse, from: IncomingMessage, asked: IncomingMessage) => void
> = {
  "too many requests": (answer) => answer.writeHead(429, { "retry-after": "60" }).end(tooMany),
  "server error": (answer) => answer.writeHead(500).end("the upstream's disk is on fire\n"),
  truncated: (answer, from) => {
    answer.writeHead(from.statusCode!, from.headers);
    const half = Math.floor(Number(from.headers["content-length"]) / 2);
    let sent = 0;
    from.on("data", (chunk: Buffer) => {
      answer.write(chunk.subarray(0, Math.max(0, half - sent)));
      sent += chunk.length;
    });
    from.on("end", () => answer.socket?.end());
  },
  "wrong bytes": (answer, from) => {
    answer.writeHead(from.statusCode!, from.headers);
    from.on("data", (chunk: Buffer) => answer.write(chunk.map((byte) => byte ^ 0xff)));
    from.on("end", () => answer.end());
  },
  "redirect loop": (answer, _, asked) => answer.writeHead(307, { location: asked.url }).end(),
};
const tooMany = JSON.stringify({ errors: [{ code: "TOOMANYREQUESTS", message: "pull rate limit reached" }] });

/** Stands before a real registry and forwards everything, but for what it is told to break. */
export class FaultyUpstream {
  /** e.g. `"GET /v2/library/app/manifests/1"`, of all requests so far. */
  readonly requests: string[] = [];
  private readonly target: string;
  private server: Server | undefined;
  private port = 0;
  private fault: { kind: Fault; path: RegExp } | undefined;
  private readonly held: (() => void)[] = [];

  /** @param target URL of the real registry, e.g. `"http://127.0.0.1:21340"`. */
  constructor(target: string) {
    this.target = target;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Listens; after `leave` on the same port again. */
  async arrive(): Promise<void> {
    const server = createServer((asked, answer) => this.answer(asked, answer));
    await new Promise<void>((done) => server.listen(this.port, "127.0.0.1", done));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  /** From now on connections are refused. */
  async leave(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    server?.closeAllConnections();
    await new Promise((done) => (server ? server.close(done) : done(undefined)));
  }

  /** Breaks the answers to paths that match. */
  breaks(kind: Fault, path: RegExp): void {
    this.requests.length = 0;
    this.fault = { kind, path };
  }

  /** All is well again; what was held is answered. */
  heal(): void {
    this.fault = undefined;
    for (const answer of this.held.splice(0)) answer();
  }

  private answer(asked: IncomingMessage, answer: ServerResponse): void {
    const { url = "", method = "GET" } = asked;
    this.requests.push(`${method} ${url}`);
    const kind = this.fault?.path.test(url) ? this.fault.kind : undefined;
    if (kind === "stall") this.held.push(() => this.forward(asked, answer));
    else this.forward(asked, answer, kind);
  }

  private forward(asked: IncomingMessage, answer: ServerResponse, kind?: Exclude<Fault, "stall">): void {
    const { url = "", method = "GET", headers } = asked;
    const forwarded = request(new URL(url, this.target), { method, headers, agent: false }, (from) => {
      from.on("error", () => answer.destroy());
      // A body is broken in a GET; a HEAD has none.
      if (kind && (method === "GET" || !isOfBody(kind))) broken[kind](answer, from, asked);
      else from.pipe(answer.writeHead(from.statusCode!, from.headers));
    });
    forwarded.on("error", () => answer.destroy());
    asked.pipe(forwarded);
  }
}

function isOfBody(kind: Fault): boolean {
  return kind === "truncated" || kind === "wrong bytes";
}
