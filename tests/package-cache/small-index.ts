import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** An index of Python packages of the tests, on 127.0.0.1; it counts what it gives away. */
export interface SmallIndex {
  port: number;
  /** e.g. `"http://127.0.0.1:34567/simple"` */
  url: string;
  /** e.g. `"/simple/six/"` */
  requests: string[];
  /** Bytes of all answers so far. */
  sent: number;
  stop(): Promise<void>;
}

/** Serves files: a page below `/simple/` for each package, with absolute links as PyPI's, the files below `/files/`. */
export async function serveIndex(files: Record<string, Buffer>): Promise<SmallIndex> {
  const sockets = new Set<Socket>();
  const index: SmallIndex = { port: 0, url: "", requests: [], sent: 0, stop };
  const server: Server = createServer((request, answer) => {
    const path = request.url ?? "";
    index.requests.push(path);
    const file = files[path.replace("/files/", "")];
    const body = file ?? (path.startsWith("/simple/") ? page(path.split("/")[2] ?? "") : undefined);
    if (body === undefined) return void answer.writeHead(404).end();
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

/** A real wheel from PyPI. */
export async function fetchWheel(name: string, version: string): Promise<{ file: string; content: Buffer }> {
  const page = await (await fetch(`https://pypi.org/simple/${name}/`)).text();
  const link = new RegExp(`https://[^"]+/(${name}-${version}-[^"/]+\\.whl)(?=[#"])`).exec(page);
  if (!link) throw new Error(`pypi.org names no wheel of ${name} ${version}`);
  return { file: link[1]!, content: Buffer.from(await (await fetch(link[0])).arrayBuffer()) };
}
