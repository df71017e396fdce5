import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { bridgeNetwork } from "../docker/bridge.ts";
import type { Engine } from "../docker/engine.ts";
import type { PackageCacheUse } from "./use.ts";

/** The package cache as one build gets it. */
export interface OpenPackageCache {
  /** Values of the `--secret` options, e.g. `["id=python-index,env=GBH_PYTHON_INDEX"]`. */
  secrets: string[];
  /** Variables that they read. */
  env: Record<string, string>;
  /** Address of this machine that the secrets name: no proxy leads to it. */
  address?: string;
  /** Proxy for what is fetched by http. */
  debianProxy?: string;
  /** Why the build goes without it, or a part of it. */
  note?: string;
}

/** Longest wait for a sign of life, in milliseconds. */
const patienceMs = 2000;

/**
 * Makes the package cache ready for a build. One that does not answer stops nothing: the build fetches for itself.
 * @param taken ids of the secrets that the image has already
 */
export async function openPackageCache(
  use: PackageCacheUse | undefined,
  network: string | undefined,
  taken: string[],
  engine: Engine,
): Promise<OpenPackageCache> {
  const none = { secrets: [], env: {} };
  if (!use || network === "none") return none;
  const address = await cacheAddress(network, engine);
  if (address === undefined)
    return {
      ...none,
      note: "without the package cache: this engine has no bridge (set engine.network to host)",
    };
  const [python, debian] = await Promise.all([
    answers(address, use.pythonPort),
    answers(address, use.debianPort),
  ]);
  const silent = [...(python ? [] : [use.pythonPort]), ...(debian ? [] : [use.debianPort])];
  const values = python ? secretsOf(use, address) : {};
  const given = Object.entries(values).filter(([id]) => !taken.includes(id));
  return {
    secrets: given.map(([id]) => `id=${id},env=${variable(id)}`),
    env: Object.fromEntries(given.map(([id, value]) => [variable(id), value])),
    ...((python || debian) && { address }),
    ...(debian && { debianProxy: `http://${address}:${use.debianPort}` }),
    ...(silent.length > 0 && {
      note: `without the package cache: nothing answers at ${silent.map((port) => `${address}:${port}`).join(" and ")}`,
    }),
  };
}

/** Address of the cache for builds of a network: of this machine, as they see it. */
export async function cacheAddress(network: string | undefined, engine: Engine): Promise<string | undefined> {
  return network === "host" ? "127.0.0.1" : (await bridgeNetwork(engine))?.address;
}

/** Build secrets that a Dockerfile may take, by id: addresses are in no layer and no cache key that way. */
function secretsOf(use: PackageCacheUse, address: string): Record<string, string> {
  const cache = `${address}:${use.pythonPort}`;
  const login = loginOf(use.wheelLogin);
  return {
    ...(use.pythonIndex && { "python-index": throughCache(cache, use.pythonIndex) }),
    ...(use.torchIndex && { "package-index": throughCache(cache, use.torchIndex) }),
    "wheel-store": `http://${login ? `${login}@` : ""}${cache}/wheels`,
  };
}

/**
 * A URL as the cache has it.
 * @example throughCache("127.0.0.1:3141", "https://pypi.org/simple") // "http://127.0.0.1:3141/https/pypi.org/simple"
 */
export function throughCache(cache: string, url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `http://${cache}/${protocol.slice(0, -1)}/${host}${pathname}`;
}

/** `user:password`; undefined where another stack's store lets us read only. */
function loginOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim().replace("{PLAIN}", "");
  } catch {
    return undefined;
  }
}

function variable(id: string): string {
  return `GBH_${id.toUpperCase().replace("-", "_")}`;
}

/** Whether somebody takes a connection. */
export function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: patienceMs });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}
