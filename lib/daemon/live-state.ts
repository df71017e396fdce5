import { isIPv4 } from "node:net";
import { documentOf, readList, type DaemonDocument } from "./daemon-json.ts";
import { BUILT_IN_RUNTIMES } from "./daemon-keys.ts";
import { nodeAt } from "./json-edit.ts";
import type { FileText } from "./merge.ts";
import { sameMirrors } from "./mirror-url.ts";

/** The keys of daemon.json that a running engine tells about itself, as it uses them now. */
export interface LiveState {
  "registry-mirrors": string[];
  "insecure-registries": string[];
  labels: string[];
  "live-restore": boolean;
  debug: boolean;
  "default-runtime": string;
  "log-driver": string;
  /** Path by name; empty where the runtime has none. */
  runtimes: Record<string, string>;
  /** Whether devices of the Container Device Interface can be asked for. */
  cdi: boolean;
}

/** `/info` as far as it tells keys of daemon.json. */
export interface LiveInfo {
  RegistryConfig?: {
    Mirrors?: string[] | null;
    InsecureRegistryCIDRs?: string[] | null;
    IndexConfigs?: Record<string, { Secure?: boolean }> | null;
  } | null;
  Labels?: string[] | null;
  LiveRestoreEnabled?: boolean;
  Debug?: boolean;
  DefaultRuntime?: string;
  LoggingDriver?: string;
  Runtimes?: Record<string, { path?: string }> | null;
  CDISpecDirs?: string[] | null;
}

export function liveState(info: LiveInfo): LiveState {
  const registries = info.RegistryConfig;
  const insecureHosts = Object.entries(registries?.IndexConfigs ?? {}).filter(([, { Secure }]) => !Secure);
  return {
    "registry-mirrors": registries?.Mirrors ?? [],
    "insecure-registries": [
      ...insecureHosts.map(([host]) => host),
      ...(registries?.InsecureRegistryCIDRs ?? []),
    ],
    labels: info.Labels ?? [],
    "live-restore": info.LiveRestoreEnabled ?? false,
    debug: info.Debug ?? false,
    "default-runtime": info.DefaultRuntime ?? "runc",
    "log-driver": info.LoggingDriver ?? "json-file",
    runtimes: Object.fromEntries(
      Object.entries(info.Runtimes ?? {}).map(([name, { path = "" }]) => [name, path]),
    ),
    cdi: (info.CDISpecDirs ?? []).length > 0,
  };
}

/** dockerd takes these for insecure by itself. */
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

/** Whether a daemon uses what a text says of a key; undefined where it does not tell. */
export function agrees(text: FileText, key: string, live: LiveState): boolean | undefined {
  const document = documentOf(text);
  const value = <T>(fallback: T): T => (nodeAt(document.root, `/${key}`)?.value as T | undefined) ?? fallback;
  switch (key) {
    case "registry-mirrors":
      return sameMirrors(live[key], readList(document, key) ?? []);
    case "insecure-registries":
      return sameSet(normalRegistries(live[key]), normalRegistries(readList(document, key) ?? []));
    case "labels":
      return sameSet(live[key], readList(document, key) ?? []);
    case "live-restore":
    case "debug":
      return live[key] === value(false);
    case "default-runtime":
      return live[key] === (value("") || "runc");
    case "log-driver":
      return live[key] === (value("") || "json-file");
    case "runtimes":
      return sameRuntimes(document, live.runtimes);
    case "features": {
      // Newer engines have it on by themselves.
      const cdi = nodeAt(document.root, "/features/cdi")?.value as boolean | undefined;
      return cdi === undefined || cdi === live.cdi ? undefined : false;
    }
    default:
      return undefined;
  }
}

/** What a daemon uses for a key, in words; undefined where it does not tell. */
export function liveValue(key: string, live: LiveState): string | undefined {
  if (key === "runtimes") return Object.keys(live.runtimes).sort().join(", ");
  if (key === "features") return `cdi: ${live.cdi}`;
  if (!(key in live)) return undefined;
  return JSON.stringify(live[key as keyof LiveState]);
}

function sameRuntimes(document: DaemonDocument, live: Record<string, string>): boolean {
  const wanted = (nodeAt(document.root, "/runtimes")?.children ?? []).map((property) => ({
    name: String(property.children?.[0]?.value),
    path: property.children?.[1] && nodeAt(property.children[1], "/path")?.value,
  }));
  const names = Object.keys(live).filter((name) => !BUILT_IN_RUNTIMES.includes(name));
  const custom = wanted.map(({ name }) => name).filter((name) => !BUILT_IN_RUNTIMES.includes(name));
  if (!sameSet(names, custom)) return false;
  return wanted.every(({ name, path }) => typeof path !== "string" || live[name] === path);
}

function sameSet(a: string[], b: string[]): boolean {
  return JSON.stringify([...new Set(a)].sort()) === JSON.stringify([...new Set(b)].sort());
}

function normalRegistries(entries: string[]): string[] {
  return entries.map(normalRegistry).filter((entry) => !LOOPBACK.includes(entry));
}

/** `"10.1.2.3/8"` is the network `"10.0.0.0/8"`, as dockerd reports it. */
function normalRegistry(entry: string): string {
  const [address = "", bits] = entry.split("/");
  if (bits === undefined || !isIPv4(address)) return entry.toLowerCase();
  const mask = Number(bits) === 0 ? 0 : (-1 << (32 - Number(bits))) >>> 0;
  const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const network = (number & mask) >>> 0;
  return `${[24, 16, 8, 0].map((shift) => (network >>> shift) & 255).join(".")}/${bits}`;
}
