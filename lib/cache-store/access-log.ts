/** A request for a manifest or a blob, from the registry's access log. */
export interface CacheRequest {
  /** When it came, in milliseconds since 1970, to the second. */
  time: number;
  method: string;
  repository: string;
  kind: "manifests" | "blobs";
  /** Digest or tag. */
  name: string;
  status: number;
  /** Bytes of the answer's body. */
  bytes: number;
  /** What the client says of itself, e.g. `"docker/28.5.2 …"`. */
  agent: string;
}

/** Apache's combined format, as distribution writes it. */
const line =
  /\[(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\] "(\w+) \/v2\/(\S+)\/(manifests|blobs)\/([^\s?/]+)\S* HTTP\/[\d.]+" (\d{3}) (\d+|-) "[^"]*" "([^"]*)"/;

/** Reads one line; undefined where it is about something else, such as the health check. */
export function readRequest(text: string): CacheRequest | undefined {
  const match = line.exec(text);
  if (!match) return undefined;
  const [, day, month, year, clock, hours, minutes, method, repository, kind, name, status, bytes, agent] =
    match;
  const time = Date.parse(`${day} ${month} ${year} ${clock} ${hours}${minutes}`);
  if (Number.isNaN(time)) return undefined;
  return {
    time,
    method: method!,
    repository: repository!,
    kind: kind as CacheRequest["kind"],
    name: name!,
    status: Number(status),
    bytes: Number(bytes) || 0,
    agent: agent!,
  };
}
