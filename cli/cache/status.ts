import { Command } from "commander";
import type { StackCache } from "../../lib/cache-store/engine-volume.ts";
import { bytesOfContent } from "../../lib/cache-store/listing.ts";
import { lookAtCache } from "../../lib/cache-store/look.ts";
import { askUpstream, type UpstreamAnswer } from "../../lib/doctor/upstream-answer.ts";
import { readProxies } from "../../lib/proxy/proxy.ts";
import { cacheUrl } from "../../lib/registry/cache-address.ts";
import { stackOption } from "../options.ts";
import { withCaches, type OpenCaches } from "./open.ts";
import { counted, duration, size } from "./words.ts";

/** What `--json` prints of one cache. Times are milliseconds since 1970. */
interface CacheStatus {
  registry: string;
  url: string;
  container: string;
  owner: string;
  bytes: number;
  images: number;
  disk: { size: number; free: number };
  requests: number;
  hits: number;
  /** Bytes that came from the disk instead of from outside. */
  savedBytes: number;
  fetchedBytes: number;
  /** Since when requests are counted; null where there was none yet. */
  countedSince: number | null;
  upstream: { url: string; isReachable: boolean; seconds?: number; problem?: string };
  startedAt: number;
  oldest: number | null;
  newest: number | null;
}

/** `npm run cache -- status` */
export function statusCommand(): Command {
  return new Command("status")
    .description("Says what the caches hold, how much they save, and whether their upstreams answer.")
    .addOption(stackOption())
    .option("--json", "print {caches: [...], bytes, limitBytes} as one JSON object", false)
    .action(({ stack, json }: { stack: string; json: boolean }) =>
      withCaches(stack, async (open) => {
        const caches = await Promise.all(open.caches.map((cache) => statusOf(cache, open)));
        const bytes = caches.reduce((sum, cache) => sum + cache.bytes, 0);
        if (json)
          console.log(JSON.stringify({ caches, bytes, limitBytes: open.limit ?? null }, undefined, 2));
        else console.log([...caches.map((cache) => asText(cache)), limitLine(bytes, open.limit)].join("\n"));
      }),
    );
}

async function statusOf(
  { settings, volume, owner, startedAt }: StackCache,
  { settings: { proxy }, signal }: OpenCaches,
): Promise<CacheStatus> {
  const [{ content, images, usage }, answer] = await Promise.all([
    lookAtCache(volume, signal),
    askUpstream(settings.upstream, { timeoutMs: 3_000, proxies: readProxies(proxy) }),
  ]);
  const times = [...content.blobs.values()].map(({ storedAt }) => storedAt);
  return {
    registry: volume.registry,
    url: cacheUrl(settings),
    container: volume.name,
    owner,
    bytes: bytesOfContent(content),
    images: images.length,
    disk: content.disk,
    requests: usage.requests,
    hits: usage.hits,
    savedBytes: usage.savedBytes,
    fetchedBytes: usage.fetchedBytes,
    countedSince: usage.since || null,
    upstream: { url: settings.upstream, ...judged(answer) },
    startedAt,
    oldest: times.length > 0 ? Math.min(...times) : null,
    newest: times.length > 0 ? Math.max(...times) : null,
  };
}

function judged(answer: UpstreamAnswer): { isReachable: boolean; seconds?: number; problem?: string } {
  if (!("status" in answer)) return { isReachable: false, problem: answer.words };
  const { status, seconds } = answer;
  // 401 is Docker Hub's answer to everybody: a login is asked for afterwards.
  if (status === 200 || status === 401) return { isReachable: true, seconds };
  return { isReachable: false, seconds, problem: `it answers ${status}` };
}

function asText(cache: CacheStatus): string {
  const { upstream, requests, hits, disk, oldest, newest, countedSince } = cache;
  const now = Date.now();
  const rows: [string, string][] = [
    [
      "holds",
      `${size(cache.bytes)} in ${counted(cache.images, "image")}; ${size(disk.free)} of its disk are free`,
    ],
    [
      "hit rate",
      requests > 0
        ? `${Math.floor((100 * hits) / requests)} % of ${counted(requests, "request")} in ${duration(now - (countedSince ?? now))}`
        : "nobody has asked for anything yet",
    ],
    ["saved", `${size(cache.savedBytes)} came from its disk, ${size(cache.fetchedBytes)} from outside`],
    [
      "upstream",
      upstream.isReachable
        ? `${upstream.url} answers in ${upstream.seconds!.toFixed(2)} s`
        : `${upstream.url} does not answer as it should (${upstream.problem}); what is cached is served`,
    ],
    [
      "age",
      `runs for ${duration(now - cache.startedAt)}${oldest !== null && newest !== null ? `; oldest layer ${duration(now - oldest)}, newest ${duration(now - newest)}` : ""}`,
    ],
  ];
  return [
    `Cache of ${cache.registry} at ${cache.url} (${cache.container})`,
    ...rows.map(([name, text]) => `  ${name.padEnd(9)} ${text}`),
  ].join("\n");
}

function limitLine(bytes: number, limit: number | undefined): string {
  if (limit === undefined) return "No limit (registryCache.maxSize).";
  const over = bytes > limit ? `: ${size(bytes - limit)} over it; npm run cache -- prune` : "";
  return `Limit ${size(limit)} (registryCache.maxSize), ${size(bytes)} used${over}.`;
}
