import { networkInterfaces } from "node:os";
import { isLoopback } from "../registry/cache-address.ts";

/** An image that a build takes from a registry of this machine: in all but rare cases, a cache. */
export interface CachePin {
  /** Host and port as they stand in the pin, e.g. `"127.0.0.1:5000"` or `"[::1]:5000"`. */
  address: string;
  port: string;
  /** e.g. `"nvidia/cuda"` */
  repository: string;
}

const pin = /^docker-image:\/\/((\d[\d.]+|\[[\da-f:.]+\]):(\d+))\/([^@]+)/i;

/**
 * Reads a build's named context; undefined where it names no registry by an IP address of this machine. A cache is always
 * named so, whatever `registryCache.bind` is; a registry elsewhere is not ours to judge.
 *
 * @param context e.g. `"docker-image://127.0.0.1:5000/nvidia/cuda@sha256:…"`
 */
export function cachePin(context: string): CachePin | undefined {
  const [, address, host, port, name] = pin.exec(context) ?? [];
  if (!address || !host || !port || !name) return undefined;
  if (!isOfThisMachine(host.replace(/^\[|\]$/g, ""))) return undefined;
  return { address, port, repository: name.replace(/:[^/:]*$/, "") };
}

function isOfThisMachine(address: string): boolean {
  if (isLoopback(address)) return true;
  return Object.values(networkInterfaces()).some((own) => own?.some((entry) => entry.address === address));
}
