import { createHash } from "node:crypto";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";

/** Who holds a lock of this host. */
export interface LockHolder {
  pid: number;
  stack: string;
  /** ISO time. */
  since: string;
}

export interface LockOptions {
  /** Name of the stack, shown to whoever waits. */
  stack: string;
  /** How long to wait for another holder, in milliseconds. */
  waitMs: number;
  /** Ends the waiting. */
  signal?: AbortSignal;
  /** Called once if somebody else holds the lock. */
  onWait?: (holder: LockHolder | undefined) => void;
}

/**
 * Runs `work` while nobody else on this host (in this network namespace) does work under the same key, e.g.
 * `"daemon:/etc/docker/daemon.json"`. The lock is an abstract Unix socket: no file, and the kernel frees it when its holder
 * dies, however it dies.
 * @throws UserError naming the holder's pid and stack after `waitMs`.
 */
export async function withHostLock<T>(key: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const lock = await acquire(key, options);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** Who holds the lock; undefined if nobody does. */
export async function lockHolder(key: string): Promise<LockHolder | undefined> {
  const answer = await ask(addressOf(key));
  return answer === "free" ? undefined : answer;
}

async function acquire(key: string, options: LockOptions): Promise<{ release(): void }> {
  const address = addressOf(key);
  const deadline = Date.now() + options.waitMs;
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    const lock = await listen(address, {
      pid: process.pid,
      stack: options.stack,
      since: new Date().toISOString(),
    });
    if (lock) return lock;
    const answer = await ask(address);
    if (answer === "free") continue;
    if (!told) options.onWait?.(answer);
    told = true;
    if (Date.now() >= deadline) {
      const who = answer
        ? `process ${answer.pid} of stack "${answer.stack}" has it since ${answer.since}`
        : "a process that does not answer has it";
      const seconds = Math.round(options.waitMs / 1000);
      throw new UserError(
        `gave up after ${seconds} s waiting for the lock "${key}": ${who}; let it finish, then run again`,
      );
    }
    await sleep(100, undefined, { signal: options.signal });
  }
}

function addressOf(key: string): string {
  return `\0gpu-build-host:${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
}

function listen(address: string, holder: LockHolder): Promise<{ release(): void } | undefined> {
  return new Promise((resolve, reject) => {
    const visitors = new Set<Socket>();
    const server: Server = createServer((visitor) => {
      visitors.add(visitor);
      visitor.on("error", () => undefined).on("close", () => visitors.delete(visitor));
      visitor.end(JSON.stringify(holder));
    });
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    const release = () => {
      server.close();
      for (const visitor of visitors) visitor.destroy();
    };
    server.listen({ path: address, exclusive: true }, () => resolve({ release }));
  });
}

/** The holder's own word; undefined if it holds the lock but does not answer within a second (stopped, for one). */
function ask(address: string): Promise<LockHolder | undefined | "free"> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ path: address });
    const finish = (answer: LockHolder | undefined | "free") => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => finish(undefined));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      finish(error.code === "ECONNREFUSED" ? "free" : undefined),
    );
    socket.on("end", () => {
      try {
        finish(JSON.parse(text) as LockHolder);
      } catch {
        finish(undefined);
      }
    });
  });
}
