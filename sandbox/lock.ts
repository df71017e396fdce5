import { createHash } from "node:crypto";
import { createServer, connect, type Server } from "node:net";

/**
 * Does `work` while no other process of this machine holds the lock on `path`.
 *
 * The lock is a socket in Linux's abstract namespace: the kernel drops it with its process, so no crash leaves it behind.
 *
 * @param onWait called once when somebody else holds the lock.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: { onWait?: () => void; signal?: AbortSignal } = {},
): Promise<T> {
  const address = `\0gpu-build-host-${createHash("sha256").update(path).digest("hex").slice(0, 32)}`;
  let server = await tryListen(address);
  if (!server) options.onWait?.();
  while (!server) {
    await released(address, options.signal);
    server = await tryListen(address);
  }
  try {
    return await work();
  } finally {
    server.release();
  }
}

interface Held {
  release(): void;
}

function tryListen(address: string): Promise<Held | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<{ destroy(): void }>();
    const server: Server = createServer((socket) => {
      waiting.add(socket);
      socket.on("error", () => {}).on("close", () => waiting.delete(socket));
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => {
      resolve({
        release() {
          server.close();
          for (const socket of waiting) socket.destroy(); // wakes those who wait
        },
      });
    });
  });
}

/** Waits until the owner of the lock lets go: its end of the connection closes then. */
function released(address: string, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect(address);
    const abort = () => {
      socket.destroy();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.on("error", () => {}); // the owner left between our two calls: try again
    socket.resume(); // "close" comes only once the end was read
    socket.on("close", () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
  });
}
