import * as z from "zod";
import type { CachedImage } from "./images.ts";
import { readRequest, type CacheRequest } from "./access-log.ts";
import { usageFile, type StoredContent } from "./listing.ts";

/** What clients have had from a cache: of its log, and of what was noted before the log was rotated or lost. */
export interface CacheUsage {
  /** Since when and until when requests are counted, in milliseconds since 1970. */
  since: number;
  until: number;
  /** Answered requests for manifests and blobs, without our own. */
  requests: number;
  /** Those of them that were answered from the disk. */
  hits: number;
  /** Bytes that clients got from the disk: they were not fetched from outside. */
  savedBytes: number;
  /** Bytes that were fetched from outside, for clients or to warm the cache. */
  fetchedBytes: number;
  /** Time of the last request for a manifest, by `repository@digest`. */
  lastUsed: Record<string, number>;
}

/** How our own requests name themselves: they are nobody's use of an image. */
export const ownAgent = "gpu-build-host-cache";

const number = z.number().nonnegative();
const schema = z.object({
  version: z.literal(1),
  since: number,
  until: number,
  requests: number,
  hits: number,
  savedBytes: number,
  fetchedBytes: number,
  lastUsed: z.record(z.string(), number),
});

/** Reads the note in a cache's volume; one that is missing, cut off or of another version counts as none. */
export function readUsage(text: string | undefined): CacheUsage {
  try {
    const { version: _, ...usage } = schema.parse(JSON.parse(text ?? ""));
    return usage;
  } catch {
    return { since: 0, until: 0, requests: 0, hits: 0, savedBytes: 0, fetchedBytes: 0, lastUsed: {} };
  }
}

/**
 * Counts what a log says that was not counted before.
 *
 * @param log lines of the access log, each with its time in front, as {@link readListing}'s cache wrote them
 */
export function withLog(usage: CacheUsage, log: string, content: StoredContent): CacheUsage {
  const counted: CacheUsage = { ...usage, lastUsed: { ...usage.lastUsed } };
  const fetched = new Set<string>();
  for (const line of log.split("\n")) {
    const written = Date.parse(/^\S+/.exec(line)?.[0].replace(/(\.\d{3})\d+/, "$1") ?? "");
    // To the millisecond: two lines of the same one are rare, and one request more or less decides nothing.
    if (Number.isNaN(written) || written <= usage.until) continue;
    counted.since ||= written;
    counted.until = Math.max(counted.until, written);
    const request = readRequest(line);
    if (request) count(request, counted, content, fetched);
  }
  return counted;
}

/** @param fetched digests that a request so far was a reason to fetch */
function count(request: CacheRequest, usage: CacheUsage, content: StoredContent, fetched: Set<string>): void {
  const { method, repository, kind, name, status, bytes, time, agent } = request;
  if (![200, 206, 304].includes(status)) return;
  const isOwn = agent.startsWith(ownAgent);
  const digest = name.startsWith("sha256:")
    ? name
    : (content.repositories.get(repository)?.tags.get(name) ?? name);
  const key = `${repository}@${digest}`;
  if (kind === "manifests" && !isOwn) usage.lastUsed[key] = Math.max(usage.lastUsed[key] ?? 0, time);
  if (method !== "GET" || status === 304) return;
  // What was stored after the request came was fetched for it. Of several in the second of storing, the first one.
  const storedAt = content.blobs.get(digest)?.storedAt ?? Infinity;
  const isHit = storedAt < time || (storedAt === time && fetched.has(digest));
  if (!isHit) {
    fetched.add(digest);
    usage.fetchedBytes += bytes;
  }
  if (isOwn) return;
  usage.requests += 1;
  if (!isHit) return;
  usage.hits += 1;
  usage.savedBytes += bytes;
}

/** When an image was last asked for, or stored where nobody has asked since; milliseconds since 1970. */
export function lastUseOf(
  { repository, manifests, storedAt }: CachedImage,
  { lastUsed }: CacheUsage,
): number {
  return Math.max(storedAt, ...manifests.map((digest) => lastUsed[`${repository}@${digest}`] ?? 0));
}

/** The script that notes the use in the cache's volume, whole or not at all; what is not stored any more is forgotten. */
export function noteUsageScript(usage: CacheUsage, { repositories }: StoredContent): string {
  const lastUsed = Object.entries(usage.lastUsed).filter(([key]) => {
    const [repository = "", digest = ""] = key.split("@");
    return repositories.get(repository)?.manifests.has(digest);
  });
  const text = JSON.stringify({ version: 1, ...usage, lastUsed: Object.fromEntries(lastUsed) });
  return `cat > ${usageFile}.new <<'USAGE' && mv ${usageFile}.new ${usageFile}\n${text}\nUSAGE\n`;
}
