import { request } from "node:http";
import type { Readable } from "node:stream";

export interface HttpCall {
  /** `unix` socket path, or a port of 127.0.0.1. */
  to: { socket: string } | { port: number };
  method?: string;
  path: string;
  headers?: Record<string, string | number>;
  body?: string | Buffer | Readable;
  /** Milliseconds without an answer until the call fails. */
  timeoutMs?: number;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** One call to a service on this machine. Node's fetch reaches no unix sockets and costs 30 ms to load. */
export function call({
  to,
  method = "GET",
  path,
  headers,
  body,
  timeoutMs = 5000,
}: HttpCall): Promise<HttpAnswer> {
  const target = "socket" in to ? { socketPath: to.socket } : { host: "127.0.0.1", port: to.port };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { ...target, method, path, headers, agent: false, timeout: timeoutMs },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    outgoing.on("timeout", () =>
      outgoing.destroy(new Error(`no answer to ${method} ${path} in ${timeoutMs} ms`)),
    );
    outgoing.on("error", reject);
    if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) outgoing.end(body);
    else body.on("error", (error) => outgoing.destroy(error)).pipe(outgoing);
  });
}
