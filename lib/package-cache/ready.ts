import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { bridgeNetwork } from "../docker/bridge.ts";
import { engineAt } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { cacheProxy, type CacheProxy } from "../proxy/cache-proxy.ts";
import { readProxies } from "../proxy/proxy.ts";
import { bytesOf } from "../settings/quantities.ts";
import type { Settings } from "../settings/settings.ts";
import { wheelLoginFile } from "./use.ts";

/** The stack's own package cache, ready to be declared. */
export interface ReadyPackageCache {
  /** `listen`: addresses with the port; `storage`: bytes; `httpIndexes`: indexes by http that may be asked. */
  python: { port: number; listen: string[]; storage: number; httpIndexes: string[] };
  debian: { port: number; listen: string[]; storage: number; direct: string[] };
  /** Networks that may ask. */
  allow: string[];
  /** Bytes. */
  wheelStorage: number;
  /** File with the login of the wheel store, in htpasswd's form. */
  wheelLogin: string;
  /** File with certificates for HTTPS. @default those of the image */
  caBundle?: string;
  /** Changes with login and certificates: a container that runs does not see a file that was written anew. */
  fingerprint: string;
  /** How Debian's archive is reached. @default without a proxy */
  proxy?: CacheProxy;
  keepVolume: boolean;
}

/** What the stack's package cache is to be; undefined where it runs none. Outside of a preview, files with logins are written. */
export async function readyPackageCache(
  settings: Settings,
  isPreview: boolean,
): Promise<ReadyPackageCache | undefined> {
  const { packageCache, cudaBase, stateDir, stack, build } = settings;
  if (packageCache.mode !== "own") return undefined;
  const { pythonPort, debianPort, keepVolume } = packageCache;
  const bridge = usesBridge(settings) ? await bridgeNetwork(engineAt(settings.engine.host)) : undefined;
  const listenAt = (port: number) => [`127.0.0.1:${port}`, ...(bridge ? [`${bridge.address}:${port}`] : [])];
  const storage = (size: string) => bytesOf(size) ?? 0;
  const indexes = [packageCache.pythonIndex, cudaBase.packageIndex ?? ""];
  const { http, noProxy } = settings.proxy;
  const secrets = join(stateDir, stack, "secrets", "package-cache");
  if (readProxies(settings.proxy).http?.startsWith("https:"))
    throw new UserError(
      "packageCache.mode own with a proxy.http that is reached by https: Squid speaks plain http to its proxy; give proxy.http an address with http://, or set packageCache.mode to off",
    );
  const wheelLogin = await keepLogin(wheelLoginFile(settings), isPreview);
  const proxy = await cacheProxy({ ...(http && { http }), noProxy }, { folder: secrets, isPreview });
  return {
    python: {
      port: pythonPort,
      listen: listenAt(pythonPort),
      storage: storage(packageCache.pythonStorage),
      httpIndexes: indexes.filter((index) => index.startsWith("http:")),
    },
    debian: {
      port: debianPort,
      listen: listenAt(debianPort),
      storage: storage(packageCache.debianStorage),
      direct: http ? noProxy : [],
    },
    allow: ["127.0.0.0/8", ...(bridge?.subnet ? [bridge.subnet] : [])],
    wheelStorage: storage(packageCache.wheelStorage),
    wheelLogin,
    ...(build.caBundle && { caBundle: build.caBundle }),
    fingerprint: [wheelLogin, ...(build.caBundle ? [build.caBundle] : [])].map(fingerprintOf).join(" "),
    ...(proxy && { proxy }),
    keepVolume,
  };
}

/** Builds of the engine's default network reach this machine by the bridge's address only. */
function usesBridge({ engine, services }: Settings): boolean {
  return [engine.network, ...Object.values(services).map(({ network }) => network)].includes("default");
}

/** Makes the login once: whoever runs on this machine could put a wheel into our images otherwise. */
async function keepLogin(file: string, isPreview: boolean): Promise<string> {
  if (isPreview || existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  chmodSync(dirname(file), 0o700);
  // The file itself may be read: in the container nobody reads it.
  await writeFileAtomic(file, `builds:{PLAIN}${randomBytes(16).toString("hex")}\n`, { mode: 0o444 });
  return file;
}

function fingerprintOf(file: string): string {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16);
  } catch {
    return ""; // not written yet; or the check of secrets names it
  }
}
