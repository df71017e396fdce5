import { createHash } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What an index can do wrong: a status; no answer; half of the bytes, then the end of the connection, or nothing any more. */
export type Fault = number | "silence" | "cut" | "cut in chunks" | "cut without length" | "stall";

/** An index of Python packages of the tests, on 127.0.0.1; it counts what it gives away. */
export interface SmallIndex {
  port: number;
  /** e.g. `"http://127.0.0.1:34567/simple"` */
  url: string;
  /** e.g. `"/simple/six/"` */
  requests: string[];
  /** Bytes of all answers so far. */
  sent: number;
  /** For every request from now on. */
  fault: Fault | undefined;
  stop(): Promise<void>;
}

/** Serves files: a page below `/simple/` for each package, with absolute links as PyPI's, the files below `/files/`. */
export async function serveIndex(files: Record<string, Buffer>): Promise<SmallIndex> {
  const sockets = new Set<Socket>();
  const index: SmallIndex = { port: 0, url: "", requests: [], sent: 0, fault: undefined, stop };
  const server: Server = createServer((request, answer) => {
    const path = request.url ?? "";
    index.requests.push(path);
    const file = files[path.replace("/files/", "")];
    const body = file ?? (path.startsWith("/simple/") ? page(path.split("/")[2] ?? "") : undefined);
    if (body === undefined) return void answer.writeHead(404).end();
    if (index.fault !== undefined) return fail(index.fault, body, answer);
    index.sent += body.length;
    answer.writeHead(200, {
      "content-type": file ? "application/octet-stream" : "text/html",
      "content-length": body.length,
    });
    answer.end(body);
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));

  function page(name: string): Buffer | undefined {
    const found = Object.entries(files).filter(([file]) => file.startsWith(`${name}-`));
    const links = found.map(
      ([file, content]) =>
        `<a href="http://127.0.0.1:${index.port}/files/${file}#sha256=${createHash("sha256").update(content).digest("hex")}">${file}</a>`,
    );
    return found.length === 0 ? undefined : Buffer.from(`<html><body>${links.join("\n")}</body></html>`);
  }

  function stop(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  index.port = (server.address() as AddressInfo).port;
  index.url = `http://127.0.0.1:${index.port}/simple`;
  return index;
}

function fail(fault: Fault, body: Buffer, answer: ServerResponse): void {
  if (fault === "silence") return;
  if (typeof fault === "number") return void answer.writeHead(fault).end();
  const half = body.subarray(0, body.length / 2);
  if (fault === "cut without length") {
    answer.socket?.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    return void answer.socket?.end(half);
  }
  answer.writeHead(200, fault === "cut in chunks" ? {} : { "content-length": body.length });
  answer.write(half, () => fault === "stall" || answer.destroy());
}

/** A real wheel from PyPI. */
export async function fetchWheel(name: string, version: string): Promise<{ file: string; content: Buffer }> {
  const page = await (await fetch(`https://pypi.org/simple/${name}/`)).text();
  const link = new RegExp(`https://[^"]+/(${name}-${version}-[^"/]+\\.whl)(?=[#"])`).exec(page);
  if (!link) throw new Error(`pypi.org names no wheel of ${name} ${version}`);
  return { file: link[1]!, content: Buffer.from(await (await fetch(link[0])).arrayBuffer()) };
}
