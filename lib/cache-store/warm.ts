import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { fixOf, lastError } from "../images/cache-trouble.ts";
import { CacheFailure, type CacheClient } from "../registry/cache-client.ts";
import { listingScript, readListing, type StoredContent } from "./listing.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import type { CacheVolume } from "./volume.ts";

/** An image that the cache shall have. */
export interface WarmWish {
  /** For messages, e.g. `"nvidia/cuda:12.8.1-base-ubuntu22.04"`. */
  name: string;
  /** e.g. `"nvidia/cuda"` */
  repository: string;
  /** Digest, or a tag where none is known. */
  version: string;
  /** Chooses from an index, e.g. `"linux/amd64"`. */
  platform: string;
}

export interface WarmOptions {
  client: CacheClient;
  volume: CacheVolume;
  signal: AbortSignal;
  /** Called before anything is fetched, with the bytes that will come; throws where there is no room. */
  makeRoom(bytes: number): Promise<void>;
  /** Bytes that have come, of all that are missing. */
  onProgress(done: number, all: number): void;
  /** Milliseconds before the second try; twice as many before the third. @default 1000 */
  pauseMs?: number;
}

export interface Warmed {
  digest: string;
  /** Bytes that the cache fetched. */
  fetched: number;
  /** Bytes that it had before. */
  present: number;
}

interface Part {
  digest: string;
  bytes: number;
}

/** As many layers at a time as Docker fetches. */
const atOnce = 3;
/** How often a part is tried whose answer was cut off, or an error of the upstream's. */
const tries = 3;

/**
 * Has the cache fetch an image: manifest, configuration and layers of one platform. What it has already is not asked for, so a
 * run that was stopped goes on with the layer that it was at. Every byte is checked against its digest on the way, and
 * afterwards the cache's volume must hold every part.
 *
 * @throws UserError that says what the upstream did.
 */
export async function warmImage(wish: WarmWish, options: WarmOptions): Promise<Warmed> {
  const { volume, signal } = options;
  const started = Date.now();
  try {
    const { digest, parts, manifests } = await readParts(wish, options);
    const missing = missingParts(wish, parts, await contentOf(volume));
    const bytes = sumOf(missing);
    if (missing.length > 0) await options.makeRoom(bytes);
    let done = 0;
    const queue = [...missing].sort((a, b) => b.bytes - a.bytes);
    await together(atOnce, async (stop) => {
      for (let part = queue.shift(); part; part = queue.shift())
        await fetchPart(wish, part, { ...options, signal: AbortSignal.any([signal, stop]) }, (more) =>
          options.onProgress((done += more), bytes),
        );
    });
    await untilStored(wish, [...parts, ...manifests], volume, signal);
    return { digest, fetched: bytes, present: sumOf(parts) - bytes };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CacheFailure)) throw error;
    throw await explained(wish, error, volume, started);
  }
}

async function readParts(
  { name, repository, version, platform }: WarmWish,
  options: WarmOptions,
): Promise<{ digest: string; parts: Part[]; manifests: Part[] }> {
  const read = async (tagOrDigest: string) => {
    const { digest, text } = await retried(
      () => options.client.manifest(repository, tagOrDigest, options.signal),
      options,
    );
    const manifest = readManifest(text);
    if (!manifest)
      throw new UserError(`${name}: its manifest cannot be read: the registry sent something else`);
    return { digest, bytes: Buffer.byteLength(text), manifest };
  };
  const top = await read(version);
  const manifests: (Part & { manifest: Manifest })[] = [top];
  if (top.manifest.children.length > 0) {
    const fitting = top.manifest.children.filter((child) => child.platform?.startsWith(platform));
    if (fitting.length === 0)
      throw new UserError(
        `${name} is not for ${platform}; it is for ${[...new Set(top.manifest.children.map((child) => child.platform ?? "?"))].join(", ")}`,
      );
    for (const child of fitting) manifests.push(await read(child.digest));
  }
  const parts = new Map(
    manifests.flatMap(({ manifest }) => manifest.blobs).map((blob) => [blob.digest, blob]),
  );
  return { digest: top.digest, parts: [...parts.values()], manifests };
}

/** A part that lies there but is not linked under this name counts as missing: the cache would fetch it. */
function missingParts({ repository }: WarmWish, parts: Part[], content: StoredContent): Part[] {
  const links = content.repositories.get(repository);
  const isLinked = (digest: string) => links?.layers.has(digest) || links?.manifests.has(digest);
  return parts.filter(({ digest, bytes }) => !isLinked(digest) || content.blobs.get(digest)?.bytes !== bytes);
}

async function fetchPart(
  { repository }: WarmWish,
  { digest }: Part,
  options: WarmOptions,
  onBytes: (bytes: number) => void,
): Promise<void> {
  await retried(async () => {
    let came = 0;
    try {
      await options.client.blob(repository, digest, options.signal, (bytes) => {
        came += bytes;
        onBytes(bytes);
      });
    } catch (error) {
      onBytes(-came);
      throw error;
    }
  }, options);
}

/** Tries again what may pass: a line that was cut, an error of a server. Not what was refused. */
async function retried<T>(
  work: () => Promise<T>,
  { signal, pauseMs = 1_000 }: Pick<WarmOptions, "signal" | "pauseMs">,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CacheFailure && error.mayPass) || tried >= tries) throw error;
      await sleep(pauseMs * tried, undefined, { signal });
    }
  }
}

/** The cache stores a part when its last byte has gone out; a part that another client fetches just now is stored by that. */
async function untilStored(
  wish: WarmWish,
  parts: Part[],
  volume: CacheVolume,
  signal: AbortSignal,
): Promise<void> {
  for (let tried = 1; ; tried++) {
    const missing = missingParts(wish, parts, await contentOf(volume));
    if (missing.length === 0) return;
    if (tried >= 10)
      throw new CacheFailure(
        `${missing.length} parts came and are not kept, ${missing[0]!.digest} for one`,
        false,
      );
    await sleep(100 * tried, undefined, { signal });
  }
}

async function explained(
  { name, repository }: WarmWish,
  failure: CacheFailure,
  volume: CacheVolume,
  since: number,
): Promise<UserError> {
  const reason = lastError(await volume.log("messages", since).catch(() => ""), repository);
  return new UserError(
    reason
      ? `${name}: the cache ${volume.name} cannot get it: ${reason}; ${fixOf(reason)}. What it has is kept`
      : `${name}: the cache ${volume.name} cannot get it: ${failure.message}; run again when its upstream is well. What it has is kept`,
  );
}

async function contentOf(volume: CacheVolume): Promise<StoredContent> {
  return readListing(await volume.run(listingScript));
}

function sumOf(parts: Part[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Runs work several times side by side; the first that fails stops the others. */
async function together(count: number, work: (stop: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const all = Array.from({ length: count }, () =>
    work(stop.signal).catch((error: unknown) => {
      stop.abort();
      throw error;
    }),
  );
  const failed = (await Promise.allSettled(all)).flatMap((one) =>
    one.status === "rejected" ? [one.reason] : [],
  );
  const first = failed.find((reason) => reason instanceof CacheFailure) ?? failed[0];
  if (first !== undefined) throw first;
}
