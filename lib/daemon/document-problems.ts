import { closest, distance } from "fastest-levenshtein";
import { DAEMON_KEYS, LOG_DRIVERS, SHARED_LISTS } from "./daemon-keys.ts";
import { isObject, type DaemonDocumentPart } from "./desired.ts";
import { logOptionProblem } from "./log-options.ts";
import { mirrorProblem, normalMirror } from "./mirror-url.ts";
import { holdsLogin } from "./shown-value.ts";
import { insecureRegistryProblem } from "./registry-address.ts";

/** What is wrong with one entry of a part of daemon.json; the path leads to it. */
export interface DocumentProblem {
  path: string[];
  reason: string;
}

/** Keys that dockerd takes at the top and passes over in silence, since flags have these names. */
const IGNORED: Record<string, string> = {
  "registry-mirror": "use registry-mirrors",
  "http-proxy": "write it below proxies",
  "https-proxy": "write it below proxies",
  "no-proxy": "write it below proxies",
};

const YES_OR_NO = new Set(
  "debug experimental icc init ip-forward ip-masq ip6tables iptables ipv6 live-restore no-new-privileges raw-logs selinux-enabled tls tlsverify userland-proxy".split(
    " ",
  ),
);
const WHOLE_NUMBERS = new Set(
  "max-concurrent-downloads max-concurrent-uploads max-download-attempts mtu network-diagnostic-port shutdown-timeout".split(
    " ",
  ),
);

/** What of a part of daemon.json dockerd would refuse, ignore or start with to no good, as far as it shows without the host. */
export function documentProblems(
  part: DaemonDocumentPart,
  logDriver: unknown = part["log-driver"],
): DocumentProblem[] {
  return Object.entries(part).flatMap(([key, value]) =>
    key === "log-opts" &&
    isObject(value) &&
    !nullAt([key], value) &&
    !emptyAt([key], value) &&
    !holdsLogin(JSON.stringify(value))
      ? logOptProblems(value, logDriver)
      : keyProblems(key, value),
  );
}

function keyProblems(key: string, value: unknown): DocumentProblem[] {
  const one = (reason: string, ...more: string[]): DocumentProblem[] => [{ path: [key, ...more], reason }];
  if (Object.hasOwn(IGNORED, key)) return one(`is silently ignored by Docker: ${IGNORED[key]}`);
  if (key === "hosts")
    return one(
      "conflicts with the -H flag of Docker's own systemd unit, Docker would not start: take it out",
    );
  if (!Object.hasOwn(DAEMON_KEYS, key))
    return one(
      `is no key of Docker's, which would refuse to start${didYouMean(key, Object.keys(DAEMON_KEYS))}`,
    );
  const empty = nullAt([key], value);
  if (empty) return [{ path: empty, reason: "must not be null: leave it out" }];
  const hollow = emptyAt([key], value);
  if (hollow) return [{ path: hollow, reason: "is empty: leave it out" }];
  const inexact = inexactAt([key], value);
  if (inexact)
    return [
      {
        path: inexact,
        reason: "is a number that would not be kept as it is written: stay within ±9007199254740991",
      },
    ];
  if (holdsLogin(JSON.stringify(value)))
    return one(
      "holds a login, which would stand in Pulumi's state in the clear: take it out (got a value that is not shown)",
    );
  if (SHARED_LISTS.includes(key)) return listProblems(key, value);
  if (key === "log-driver") {
    const reason = logDriverProblem(value);
    return reason ? one(`${reason}, got ${JSON.stringify(value)}`) : [];
  }
  if (key === "log-opts") return one('must be an object such as {"max-size": "10m"}');
  if (YES_OR_NO.has(key) && typeof value !== "boolean")
    return one(`must be true or false, got ${JSON.stringify(value)}`);
  if (WHOLE_NUMBERS.has(key) && !(Number.isInteger(value) && (value as number) >= 0))
    return one(`must be a whole number, got ${JSON.stringify(value)}`);
  if (key === "mtu" && value !== 0 && !isWithin(value, 68, 65_535))
    return one(`must be 68 to 65535, or 0 for Docker's own choice, got ${String(value)}`);
  if (key === "network-diagnostic-port" && !isWithin(value, 0, 65_535))
    return one(`must be a port from 0 to 65535, got ${String(value)}`);
  return [];
}

function listProblems(key: string, value: unknown): DocumentProblem[] {
  if (!Array.isArray(value)) {
    const fix = typeof value === "string" ? `write [${JSON.stringify(value)}]` : "write a list of texts";
    return [{ path: [key], reason: `must be a list: ${fix}` }];
  }
  const normal = key === "registry-mirrors" ? normalMirror : (entry: string) => entry;
  const seen = new Map<string, number>();
  return value.flatMap((entry: unknown, index): DocumentProblem[] => {
    const path = [key, String(index)];
    if (typeof entry !== "string") return [{ path, reason: `must be text, got ${JSON.stringify(entry)}` }];
    const first = seen.get(normal(entry));
    const reason = elementProblem(key, entry);
    if (reason) return [{ path, reason }];
    if (first !== undefined) return [{ path, reason: `is the same as ${key}[${first}]` }];
    seen.set(normal(entry), index);
    return [];
  });
}

function elementProblem(key: string, entry: string): string | undefined {
  if (key === "registry-mirrors") return mirrorProblem(entry);
  if (key === "insecure-registries") return insecureRegistryProblem(entry);
  return entry.trim() === "" ? "must not be empty" : undefined;
}

/** Why Docker cannot log through a driver; plugins have a slash or a colon in their names. */
export function logDriverProblem(driver: unknown): string | undefined {
  if (typeof driver !== "string") return "must be text";
  if (LOG_DRIVERS.includes(driver) || /[/:]/.test(driver)) return undefined;
  return `is no log driver of Docker's, every container would fail to start${didYouMean(driver, LOG_DRIVERS)}`;
}

/** What is wrong with the options of a log driver; `undefined`: of whichever driver the host has. */
export function logOptProblems(options: DaemonDocumentPart, logDriver: unknown): DocumentProblem[] {
  const driver = typeof logDriver === "string" ? logDriver : undefined;
  return Object.entries(options).flatMap(([name, option]) => {
    const reason =
      typeof option === "string"
        ? logOptionProblem(driver, name, option)
        : `must be text: Docker wants strings here, write ${JSON.stringify(String(option))}`;
    return reason ? [{ path: ["log-opts", name], reason }] : [];
  });
}

function nullAt(path: string[], value: unknown): string[] | undefined {
  if (value === null) return path;
  if (typeof value !== "object") return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = nullAt([...path, key], inner);
    if (found) return found;
  }
  return undefined;
}

/** Objects without anything in them own nothing, so they would not be written. */
function emptyAt(path: string[], value: unknown): string[] | undefined {
  if (!isObject(value)) return undefined;
  const inner = Object.entries(value);
  if (inner.length === 0) return path;
  for (const [key, one] of inner) {
    const found = emptyAt([...path, key], one);
    if (found) return found;
  }
  return undefined;
}

/** Numbers that JavaScript rounds: 9007199254740993 would be written as …992. */
function inexactAt(path: string[], value: unknown): string[] | undefined {
  if (typeof value === "number")
    return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? undefined : path;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = inexactAt([...path, key], inner);
    if (found) return found;
  }
  return undefined;
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

function didYouMean(word: string, known: string[]): string {
  const nearest = closest(word, known);
  return distance(word, nearest) <= Math.max(2, Math.ceil(nearest.length / 3))
    ? `; did you mean "${nearest}"?`
    : `; known are ${known.length > 12 ? "those of https://docs.docker.com/reference/cli/dockerd/" : known.join(", ")}`;
}
