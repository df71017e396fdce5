import { randomBytes } from "node:crypto";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { basicLogin } from "../secrets/url-login.ts";
import type { Proxies } from "./proxy.ts";

/** A proxy of our own that stands before the real one for as long as a build runs. */
export interface Relay {
  /** The relay's URL, with a login that nobody can use once it is closed. */
  url: string;
  close(): Promise<void>;
}

/**
 * Starts a relay that hands everything on to the real proxies with their login. BuildKit writes the proxies that it is
 * given into its own history, so a real login must not be among them.
 * @param address where it listens, e.g. `"127.0.0.1"`
 */
export async function startRelay(proxies: Proxies, address: string): Promise<Relay> {
  const password = randomBytes(16).toString("hex");
  const expected = `Basic ${Buffer.from(`build:${password}`).toString("base64")}`;
  const isKnown = (incoming: IncomingMessage): boolean =>
    incoming.headers["proxy-authorization"] === expected;
  const sockets = new Set<Socket>();
  const server = createServer((incoming, answer) => {
    if (!isKnown(incoming)) return void answer.writeHead(407, needsLogin).end();
    forward(incoming, answer, proxies.http ?? proxies.https!);
  });
  server.on("connection", (socket: Socket) => remember(socket, sockets));
  server.on("connect", (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    if (isKnown(incoming)) tunnel(incoming, client, head, proxies.https ?? proxies.http!, sockets);
    else client.end("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://build:${password}@${address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const needsLogin = { "proxy-authenticate": "Basic" };

/** A request by plain http: the proxy gets its whole URL. */
function forward(incoming: IncomingMessage, answer: ServerResponse, proxy: string): void {
  const { protocol, hostname, port } = new URL(proxy);
  const { "proxy-authorization": _, "proxy-connection": __, ...headers } = incoming.headers;
  const login = basicLogin(proxy);
  const outgoing = (protocol === "https:" ? httpsRequest : httpRequest)(
    {
      host: hostname,
      port: port || defaultPort(protocol),
      method: incoming.method,
      path: incoming.url,
      headers: { ...headers, ...(login && { "proxy-authorization": `Basic ${login}` }) },
      agent: false,
    },
    (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    },
  );
  outgoing.on("error", (error: NodeJS.ErrnoException) => {
    if (answer.headersSent) return void answer.destroy();
    answer.writeHead(502).end(`the proxy ${hostname} does not answer (${error.code ?? "closed"})\n`);
  });
  answer.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

/** A CONNECT: the proxy's own answer goes to the client as it is, a refusal as well. */
function tunnel(
  incoming: IncomingMessage,
  client: Socket,
  head: Buffer,
  proxy: string,
  sockets: Set<Socket>,
): void {
  const { protocol, hostname, port } = new URL(proxy);
  const login = basicLogin(proxy);
  const target = { host: hostname, port: Number(port || defaultPort(protocol)) };
  const onward = protocol === "https:" ? tlsConnect({ ...target, servername: hostname }) : connect(target);
  remember(onward, sockets);
  onward.on("error", () => client.destroy());
  onward.on("close", () => client.destroy());
  client.on("error", () => onward.destroy());
  client.on("close", () => onward.destroy());
  const lines = [`CONNECT ${incoming.url} HTTP/1.1`, `Host: ${incoming.url}`];
  if (login) lines.push(`Proxy-Authorization: Basic ${login}`);
  onward.write(`${lines.join("\r\n")}\r\n\r\n`);
  onward.write(head);
  client.pipe(onward);
  onward.pipe(client);
}

function remember(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
}

function defaultPort(protocol: string): number {
  return protocol === "https:" ? 443 : 80;
}
