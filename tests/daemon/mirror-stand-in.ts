import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** Stand-in for a registry: answers `/v2/`, and nothing else. */
export interface MirrorStandIn {
  url: string;
  requests: string[];
  close(): Promise<void>;
}

const registry: RequestListener = (request, response) => {
  response
    .writeHead(request.url === "/v2/" ? 200 : 404, { "Docker-Distribution-Api-Version": "registry/2.0" })
    .end("{}");
};

export async function startMirror(answer: RequestListener = registry): Promise<MirrorStandIn> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
