import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { createServer as createHttpServer, request, type IncomingMessage } from "node:http";
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type LookupFunction,
  type Server,
  type Socket,
} from "node:net";
import { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { OutsideBytes } from "./result.ts";

/** How fast the line to the outside is. */
export interface LineSpeed {
  /** e.g. `"20 Mbit/s"`. */
  name: string;
  /** 10⁶ bits a second, both channels together. @default as fast as it goes */
  mbit?: number;
}

/** The one way out of a build host: counts what comes in, and lets no more through than the line carries. */
export interface Line {
  speed: LineSpeed;
  /** URL of the upstream registry as it is seen through the line. */
  upstream: string;
  /** URL of the proxy through which package indexes are reached. */
  proxy: string;
  /** What has come in since it was opened or since the last call of `reset`. */
  received: OutsideBytes;
  reset(): void;
  close(): Promise<void>;
}

type Kind = keyof OutsideBytes;

const nothing = (): OutsideBytes => ({ images: 0, python: 0, debian: 0, other: 0 });

/** `"100mbit"` → 100 Mbit/s; undefined where it is no speed. */
export function parseSpeed(text: string): LineSpeed | undefined {
  if (text === "full") return fullSpeed;
  const mbit = Number(/^(\d+(?:\.\d+)?)mbit$/.exec(text)?.[1]);
  return mbit > 0 ? { name: `${mbit} Mbit/s`, mbit } : undefined;
}

export const fullSpeed: LineSpeed = { name: "full speed" };

/**
 * Opens a line on 127.0.0.1: a port that leads to the upstream registry, and a proxy for everything else.
 *
 * @param upstreamPort port of the registry that stands for Docker Hub
 */
export async function openLine(speed: LineSpeed, upstreamPort: number): Promise<Line> {
  const line = { speed, received: nothing() };
  const sockets = new Set<Socket>();
  const pass = passing(line);
  const registry = createTcpServer((client) => {
    const onward = connect(upstreamPort, "127.0.0.1");
    join(client, onward, pass("images"), sockets);
  });
  const proxy = forwardProxy(pass, sockets);
  const [upstreamAt, proxyAt] = await Promise.all([listen(registry), listen(proxy)]);
  return Object.assign(line, {
    upstream: `http://127.0.0.1:${upstreamAt}`,
    proxy: `http://127.0.0.1:${proxyAt}`,
    reset() {
      line.received = nothing();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed(registry), closed(proxy)]);
    },
  });
}

/** Makes streams that count, and hold each piece back until the line has carried everything before it. */
function passing(line: { speed: LineSpeed; received: OutsideBytes }): (kind: Kind) => Transform {
  const bytesPerMs = line.speed.mbit === undefined ? Infinity : (line.speed.mbit * 1e6) / 8 / 1000;
  let freeAt = 0;
  return (kind) =>
    new Transform({
      transform(chunk: Buffer, _, done) {
        line.received[kind] += chunk.length;
        const now = performance.now();
        freeAt = Math.max(now, freeAt) + chunk.length / bytesPerMs;
        if (freeAt - now < 1) return done(null, chunk);
        void sleep(freeAt - now).then(() => done(null, chunk));
      },
    });
}

function forwardProxy(pass: (kind: Kind) => Transform, sockets: Set<Socket>): Server {
  const lookup = lookupOnce();
  const server = createHttpServer((incoming, answer) => {
    const url = new URL(incoming.url ?? "");
    const { "proxy-connection": _, ...headers } = incoming.headers;
    const onward = request(url, { method: incoming.method, headers, lookup }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(pass(kindOf(url.hostname))).pipe(answer);
    });
    onward.on("error", () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
    answer.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on("connection", (socket: Socket) => remember(socket, sockets));
  server.on("connect", (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    const [name = "", port = "443"] = (incoming.url ?? "").split(":");
    const onward = connect({ port: Number(port), host: name, lookup }, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.write(head);
      join(client, onward, pass(kindOf(name)), sockets);
    });
    onward.on("error", () => client.destroy());
    client.on("error", () => onward.destroy());
  });
  return server;
}

/**
 * Asks for the addresses of a name once: uv opens fifty connections at the same moment, and a small resolver drops what is
 * too much for it; each dropped question costs five seconds.
 */
function lookupOnce(): LookupFunction {
  const asked = new Map<string, Promise<LookupAddress[]>>();
  return (name, options, done) => {
    const known = asked.get(name);
    const answer = known ?? lookup(name, { all: true });
    if (!known) {
      asked.set(name, answer);
      answer.catch(() => asked.delete(name));
    }
    answer.then(
      ([first, ...others]) => {
        if (options.all) done(null, first ? [first, ...others] : []);
        else done(null, first?.address ?? "", first?.family);
      },
      (error: NodeJS.ErrnoException) => done(error, ""),
    );
  };
}

/** Joins two sockets; what comes in passes the line, what goes out does not: it is a few requests. */
function join(client: Socket, onward: Socket, inward: Transform, sockets: Set<Socket>): void {
  for (const [socket, other] of [
    [client, onward],
    [onward, client],
  ] as const) {
    remember(socket, sockets);
    socket.on("error", () => other.destroy());
  }
  client.on("close", () => onward.destroy());
  client.pipe(onward);
  onward.pipe(inward).pipe(client);
}

/** What a host's answers are counted as. */
export function kindOf(host: string): Kind {
  if (/(^|\.)(pypi\.org|pythonhosted\.org|pytorch\.org)$/.test(host)) return "python";
  if (/(^|\.)(debian\.org|ubuntu\.com)$/.test(host)) return "debian";
  return "other";
}

function remember(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
