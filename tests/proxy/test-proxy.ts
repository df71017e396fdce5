import { createServer, request, type IncomingMessage } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

/** A real forward proxy of the tests, on 127.0.0.1: it tunnels, forwards plain http, notes every request and counts what comes back. */
export interface TestProxy {
  port: number;
  /** e.g. `"CONNECT upstream.test:443"`, `"GET http://upstream.test/v2/"`. */
  requests: string[];
  /** Bytes that came back through it, by host, e.g. `{"web.test": 1200}`; in a tunnel as they are on the wire. */
  received: Record<string, number>;
  /** Requests that came without the login that is asked for. */
  refused: number;
  stop(): Promise<void>;
}

export interface TestProxyOptions {
  /** `user:password` that clients must bring. @default none */
  login?: string;
  /** Names that only this proxy can resolve, with the port of this machine that they mean. */
  hosts?: Record<string, number>;
  /** Every other name is the host of that name, and not this machine. @default false */
  outward?: boolean;
}

export async function startTestProxy({
  login,
  hosts = {},
  outward = false,
}: TestProxyOptions = {}): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  const expected = login && `Basic ${Buffer.from(login).toString("base64")}`;
  const proxy: TestProxy = { port: 0, requests: [], received: {}, refused: 0, stop };
  const server = createServer((incoming, answer) => {
    if (!admit(incoming)) return void answer.writeHead(407, { "proxy-authenticate": "Basic" }).end();
    const url = new URL(incoming.url ?? "");
    const { "proxy-authorization": _, ...headers } = incoming.headers;
    const { host, port } = target(url.hostname, Number(url.port || 80));
    const outgoing = request(
      { host, port, method: incoming.method, path: url.pathname + url.search, headers },
      (response) => {
        response.on("data", (chunk: Buffer) => count(url.hostname, chunk));
        response.on("close", () => response.complete || answer.destroy()); // cut off there, cut off here
        answer.useChunkedEncodingByDefault = false; // what has no length there has none here
        response.pipe(answer.writeHead(response.statusCode ?? 502, response.headers));
      },
    );
    outgoing.on("error", () => answer.writeHead(502).end());
    incoming.pipe(outgoing);
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("connect", (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    if (!admit(incoming))
      return void client.end(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
      );
    const [name = "", port = "443"] = (incoming.url ?? "").split(":");
    const onward = connect(target(name, Number(port)), () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.write(head);
      client.pipe(onward).pipe(client);
    });
    onward.on("data", (chunk: Buffer) => count(name, chunk));
    sockets.add(onward);
    onward.on("error", () => client.destroy());
    client.on("error", () => onward.destroy());
    client.on("close", () => onward.destroy());
  });

  function admit(incoming: IncomingMessage): boolean {
    proxy.requests.push(`${incoming.method} ${incoming.url}`);
    if (expected === undefined || incoming.headers["proxy-authorization"] === expected) return true;
    proxy.refused += 1;
    return false;
  }

  function count(host: string, chunk: Buffer): void {
    proxy.received[host] = (proxy.received[host] ?? 0) + chunk.length;
  }

  function target(name: string, port: number): { host: string; port: number } {
    if (outward && hosts[name] === undefined) return { host: name, port };
    return { host: "127.0.0.1", port: hosts[name] ?? port };
  }

  function stop(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.port = (server.address() as AddressInfo).port;
  return proxy;
}
