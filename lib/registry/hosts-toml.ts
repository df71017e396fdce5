/**
 * `hosts.toml` of one registry: its cache first, itself after it. dockerd 28 and newer read it at each pull, without a reload.
 *
 * @param registry e.g. `"nvcr.io"`
 * @param cache its pull-through cache, e.g. `"http://127.0.0.1:5001"`
 */
export function hostsToml(registry: string, cache: string): string {
  return `server = "https://${registry}"

[host."${cache}"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "2s"
`;
}
