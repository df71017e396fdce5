import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Stand-in for a registry that wants a login, as Docker Hub does it: a token for name and password. Behind it a real one. */
export class LoginUpstream {
  /** The only password that it takes. */
  password: string;
  /** User names that have got a token. */
  readonly logins: string[] = [];
  private readonly tokens = new Set<string>();
  private readonly server = createServer((asked, answer) => this.answer(asked, answer));
  private readonly behind: string;

  constructor(behind: string, password: string) {
    this.behind = behind;
    this.password = password;
  }

  async start(): Promise<void> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Takes back what was given out, as time does. */
  forgetTokens(): void {
    this.tokens.clear();
  }

  private answer(asked: IncomingMessage, answer: ServerResponse): void {
    const authorization = asked.headers.authorization ?? "";
    if (asked.url?.startsWith("/token")) return this.giveToken(authorization, answer);
    if (!this.tokens.has(authorization.replace("Bearer ", ""))) {
      answer
        .writeHead(401, {
          "Docker-Distribution-Api-Version": "registry/2.0",
          "WWW-Authenticate": `Bearer realm="${this.url}/token",service="stand-in"`,
        })
        .end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      return;
    }
    const { authorization: _, host: __, ...headers } = asked.headers;
    const forwarded = request(`${this.behind}${asked.url}`, { method: asked.method, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(answer);
    });
    forwarded.on("error", () => answer.destroy());
    asked.pipe(forwarded);
  }

  private giveToken(authorization: string, answer: ServerResponse): void {
    const [name, password] = Buffer.from(authorization.replace("Basic ", ""), "base64").toString().split(":");
    if (password !== this.password) {
      answer.writeHead(401).end('{"details":"incorrect username or password"}');
      return;
    }
    this.logins.push(name ?? "");
    const token = randomUUID();
    this.tokens.add(token);
    answer
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ token, expires_in: 60 }));
  }
}
