/** What a registry cache has done since it started. */
export interface CacheCounters {
  requests: number;
  hits: number;
  /** Bytes that it fetched from its upstream. */
  fetchedBytes: number;
}

/** Reads the metrics of a registry cache; undefined where none are served. */
export async function cacheCounters(metricsPort: number | undefined): Promise<CacheCounters | undefined> {
  if (!metricsPort) return undefined;
  try {
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`, {
      signal: AbortSignal.timeout(2_000),
    });
    return countersOf(await answer.text());
  } catch {
    return undefined; // a summary does not fail for it
  }
}

/** Sums the counters of blobs and manifests in the registry's Prometheus text. */
export function countersOf(metrics: string): CacheCounters {
  const sum = (name: string) =>
    [...metrics.matchAll(new RegExp(`^registry_proxy_${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, "gm"))].reduce(
      (total, match) => total + Number(match[1]),
      0,
    );
  return {
    requests: sum("requests_total"),
    hits: sum("hits_total"),
    fetchedBytes: sum("pulled_bytes_total"),
  };
}
