import { SHARED_LISTS } from "./daemon-keys.ts";
import type { OwnedEntry } from "./merge.ts";
import { pointerOf } from "./pointer.ts";

/** Room and time for BuildKit's cache. */
export interface BuilderGc {
  /** Gigabytes that the build cache may take, as Docker counts them: 2^30 bytes. */
  keepGB: number;
  /** Days that an unused cache mount (pip's and apt's downloads) stays. */
  cacheMountsKeepDays: number;
}

/** What a stack's settings say about daemon.json; what is absent is left as it is. */
export interface DaemonWishes {
  insecureRegistries: string[];
  liveRestore?: boolean | undefined;
  builderGc?: BuilderGc | undefined;
  logDriver?: string | undefined;
  logOpts?: Record<string, string> | undefined;
  nvidiaRuntime?: boolean | undefined;
  cdi?: boolean | undefined;
  maxConcurrentDownloads?: number | undefined;
  /** Any other keys, in Docker's own spelling. */
  settings: Record<string, unknown>;
}

/** A part of daemon.json, in Docker's own spelling. */
export type DaemonDocumentPart = Record<string, unknown>;

/** Settings as a part of daemon.json. */
export function desiredDocument(wishes: DaemonWishes): DaemonDocumentPart {
  const { insecureRegistries, liveRestore, builderGc, logDriver, logOpts, nvidiaRuntime, cdi } = wishes;
  return merged(wishes.settings, {
    ...(insecureRegistries.length > 0 && { "insecure-registries": insecureRegistries }),
    ...(liveRestore !== undefined && { "live-restore": liveRestore }),
    ...(builderGc && { builder: { gc: gcPolicy(builderGc) } }),
    ...(logDriver !== undefined && { "log-driver": logDriver }),
    ...(logOpts && Object.keys(logOpts).length > 0 && { "log-opts": logOpts }),
    // One leaf, so that it agrees with the entry that nvidia-ctk writes.
    ...(nvidiaRuntime && { runtimes: { nvidia: { path: "nvidia-container-runtime" } } }),
    ...(cdi !== undefined && { features: { cdi } }),
    ...(wishes.maxConcurrentDownloads !== undefined && {
      "max-concurrent-downloads": wishes.maxConcurrentDownloads,
    }),
  });
}

/**
 * BuildKit's own policy drops a cache mount that nobody used for 48 hours once all of them hold more than 512 MB: torch's
 * downloads do not outlive a weekend. Before 28 the room is called `keepStorage`, from 28 on `reservedSpace` and
 * `maxUsedSpace`; each engine passes over the names that it does not know.
 */
function gcPolicy({ keepGB, cacheMountsKeepDays }: BuilderGc): DaemonDocumentPart {
  const room = (size: string) => ({ keepStorage: size, reservedSpace: size, maxUsedSpace: size });
  const all = room(`${keepGB}GB`);
  const unused = (hours: number) => `unused-for=${hours}h`;
  return {
    enabled: true,
    policy: [
      { ...room("512MB"), filter: ["type=source.local", unused(48)] },
      { ...room("512MB"), filter: ["type=source.git.checkout", unused(48)] },
      // Engines before 28 do not start without a size; "0" is the rule's filter alone.
      { keepStorage: "0", filter: ["type=exec.cachemount", unused(24 * cacheMountsKeepDays)] },
      { ...all, filter: [unused(24 * Math.max(60, cacheMountsKeepDays))] },
      all,
      { ...all, all: true },
    ],
  };
}

/** What a stack owns in daemon.json for its mirrors and a document: elements of shared lists, and leaves of the rest. */
export function entriesOf(mirrors: string[], document: DaemonDocumentPart): OwnedEntry[] {
  const elements = mirrors.map((element) => ({ pointer: "/registry-mirrors", element }));
  return [...elements, ...Object.entries(document).flatMap(([key, value]) => leaves([key], value))];
}

function leaves(path: string[], value: unknown): OwnedEntry[] {
  const pointer = pointerOf(path);
  if (path.length === 1 && SHARED_LISTS.includes(path[0]!) && Array.isArray(value))
    return value.map((element) => ({ pointer, element: String(element) }));
  // The parts of a policy mean nothing without each other.
  if (isObject(value) && pointer !== "/builder/gc")
    return Object.entries(value).flatMap(([key, inner]) => leaves([...path, key], inner));
  return [{ pointer, value: JSON.stringify(value) }];
}

function merged(a: DaemonDocumentPart, b: DaemonDocumentPart): DaemonDocumentPart {
  const result = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = result[key];
    result[key] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
