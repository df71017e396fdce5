import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, fetch as fetchTrusting } from "undici";
import { manifestTypes } from "../cache-store/manifest.ts";
import { ownAgent } from "../cache-store/usage.ts";
import { cacheUrl, type CachePlace } from "./cache-address.ts";
import type { CacheTls } from "./certificate.ts";

/** What a cache did instead of giving what was asked for. */
export class CacheFailure extends Error {
  override name = "CacheFailure";
  /** Whether the same request may well be answered a second later. */
  readonly mayPass: boolean;

  constructor(message: string, mayPass: boolean) {
    super(message);
    this.mayPass = mayPass;
  }
}

/** Asks a pull-through cache by its HTTP API, as an engine does, and checks every byte against its digest. */
export class CacheClient {
  private readonly url: string;
  private readonly idleMs: number;
  private readonly dispatcher: Agent;

  /** @param idleMs milliseconds without a byte until a request is given up */
  constructor(place: CachePlace & { tls?: CacheTls | undefined }, idleMs: number) {
    this.url = cacheUrl(place);
    this.idleMs = idleMs;
    const pem = (file: string | undefined) => (file ? readFileSync(file, "utf8") : undefined);
    const { tls } = place;
    this.dispatcher = new Agent({
      headersTimeout: 0, // the limit is ours
      bodyTimeout: 0,
      ...(tls && {
        connect: {
          ca: pem(tls.ca ?? tls.certificate),
          cert: pem(tls.clientCertificate),
          key: pem(tls.clientKey),
        },
      }),
    });
  }

  /** @throws CacheFailure */
  async manifest(
    repository: string,
    tagOrDigest: string,
    signal?: AbortSignal,
  ): Promise<{ digest: string; text: string }> {
    const chunks: Buffer[] = [];
    const wanted = tagOrDigest.startsWith("sha256:") ? tagOrDigest : undefined;
    const digest = await this.read(`${repository}/manifests/${tagOrDigest}`, wanted, signal, (chunk) =>
      chunks.push(Buffer.from(chunk)),
    );
    return { digest, text: Buffer.concat(chunks).toString() };
  }

  /**
   * Reads a blob, which makes the cache fetch and keep it where it has it not.
   *
   * @param onBytes gets the number of bytes of each piece that came
   * @throws CacheFailure
   */
  async blob(
    repository: string,
    digest: string,
    signal?: AbortSignal,
    onBytes: (bytes: number) => void = () => {},
  ): Promise<void> {
    await this.read(`${repository}/blobs/${digest}`, digest, signal, (chunk) => onBytes(chunk.length));
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async read(
    path: string,
    wanted: string | undefined,
    signal: AbortSignal | undefined,
    onChunk: (chunk: Uint8Array) => void,
  ): Promise<string> {
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(), this.idleMs);
    const hash = createHash("sha256");
    try {
      const answer = await fetchTrusting(`${this.url}/v2/${path}`, {
        headers: { accept: manifestTypes, "user-agent": ownAgent },
        signal: signal ? AbortSignal.any([signal, idle.signal]) : idle.signal,
        dispatcher: this.dispatcher,
      });
      if (!answer.ok) {
        await answer.body?.cancel();
        throw new CacheFailure(`it answers ${answer.status}`, answer.status >= 500);
      }
      for await (const chunk of answer.body ?? []) {
        timer.refresh();
        hash.update(chunk as Uint8Array);
        onChunk(chunk as Uint8Array);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (idle.signal.aborted) throw new CacheFailure(`no byte came in ${this.idleMs / 1000} s`, false);
      if (error instanceof CacheFailure) throw error;
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      throw new CacheFailure(
        `the answer was cut off (${cause?.code ?? cause?.message ?? String(error)})`,
        true,
      );
    } finally {
      clearTimeout(timer);
    }
    const digest = `sha256:${hash.digest("hex")}`;
    if (wanted !== undefined && digest !== wanted)
      throw new CacheFailure(`what came has the digest ${digest}, not ${wanted}`, true);
    return digest;
  }
}
