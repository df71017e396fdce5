import type * as z from "zod";
import { isObject } from "../daemon/desired.ts";
import { documentProblems, logOptProblems } from "../daemon/document-problems.ts";
import { fullKey } from "./problems.ts";
import type { dockerDaemon } from "./schema/docker-daemon.ts";

const keyOf = (path: readonly string[]) => fullKey(["dockerDaemon", "settings", ...path]);

/** Places in daemon.json that have a setting of their own. */
const own = [
  [["insecure-registries"], "insecureRegistries"],
  [["live-restore"], "liveRestore"],
  [["builder", "gc"], "builderGc"],
  [["log-driver"], "logDriver"],
  [["log-opts"], "logOpts"],
  [["runtimes", "nvidia"], "nvidiaRuntime"],
  [["features", "cdi"], "cdi"],
  [["max-concurrent-downloads"], "maxConcurrentDownloads"],
] as const;

/** The rules for `dockerDaemon.settings`, and for keys that are given twice. */
export function daemonProblems(daemon: z.infer<typeof dockerDaemon>): string[] {
  const logDriver = daemon.logDriver ?? daemon.settings["log-driver"];
  const problems = [
    ...documentProblems(daemon.settings, logDriver).map(({ path, reason }) => `${keyOf(path)} ${reason}`),
    ...logOptProblems(daemon.logOpts ?? {}, logDriver).map(
      ({ path, reason }) => `${fullKey(["dockerDaemon", "logOpts", ...path.slice(1)])} ${reason}`,
    ),
  ];
  for (const [path, setting] of own) {
    const value = daemon[setting];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (isGiven && holds(daemon.settings, path))
      problems.push(`${keyOf(path)} is given as dockerDaemon.${setting} as well: keep one`);
  }
  return problems;
}

function holds(part: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  return isObject(part) && Object.hasOwn(part, key) && holds(part[key], rest);
}
