import { execa } from "execa";
import type { Engine } from "../docker/engine.ts";
import { EngineError } from "../docker/request.ts";
import type { Settings } from "../settings/settings.ts";

/** Where build steps are kept outside of the engine. No part of any hash: a cache changes how an image is made, not what it is. */
export interface BuildCache {
  type: "inline" | "registry";
  /** Repository, e.g. `"registry.example/build-cache"`; every image has a tag in it. */
  ref: string;
  /** Steps of all stages, or of the last one only. */
  mode: "min" | "max";
  /** Whether builds write to it. */
  export: boolean;
}

/** Longest wait for the registry of a build cache, in milliseconds. */
const reachLimitMs = 5_000;
const pushLimitMs = 3600_000;

/** The build cache of a stack; undefined where it has none. */
export function buildCacheOf({ buildCache }: Pick<Settings, "buildCache">): BuildCache | undefined {
  const { type, port, mode, export: writes } = buildCache;
  const ref = buildCache.ref ?? (port === undefined ? undefined : `127.0.0.1:${port}/build-cache`);
  return type === "off" || ref === undefined ? undefined : { type, ref, mode, export: writes };
}

/**
 * Where an image's steps are kept: one repository for all, so that shared layers are in the registry once and are pushed
 * once; a tag by the friendly one, so that other stacks and machines find it and CUDA versions do not take it from each other.
 *
 * @example cacheReference({ ref: "registry.example/cache", … }, "whisperx", ["whisperx:cu128"]) // "registry.example/cache:whisperx-cu128"
 */
export function cacheReference({ ref }: BuildCache, image: string, tags: readonly string[]): string {
  const name = (tags[0] ?? image).replace(/[^\w.-]+/g, "-").replace(/^[.-]+/, "");
  return `${ref}:${name.slice(0, 128)}`;
}

/** The options of `docker buildx build`. A build without cache writes its steps, and takes none. */
export function cacheOptions(cache: BuildCache, reference: string, noCache: boolean): string[] {
  const options = noCache ? [] : ["--cache-from", `type=registry,ref=${reference}`];
  if (!cache.export) return options;
  if (cache.type === "inline") return [...options, "--cache-to", "type=inline"];
  // In the older format it is an index of what are no manifests: distribution answers 400 (seen with 3.1.1).
  const format = "image-manifest=true,oci-mediatypes=true";
  return [
    ...options,
    "--cache-to",
    `type=registry,ref=${reference},mode=${cache.mode},${format},ignore-error=true`,
  ];
}

/**
 * Why a cache's registry cannot be used; undefined where it can. The engine is asked, since it is the one that will speak
 * to it, by its own proxies and certificates. A registry that wants a login answers: the login is buildx's matter.
 */
export async function unreachable(reference: string, engine: Engine): Promise<string | undefined> {
  try {
    await engine.ask({ path: `/distribution/${encodeURI(reference)}/json`, timeoutMs: reachLimitMs });
    return undefined;
  } catch (error) {
    // Any other answer than a failure to ask is the registry's own: nothing there yet, or not without a login.
    if (
      error instanceof EngineError &&
      !/dial |no such host|timeout|connection re|EOF|x509|tls:/i.test(error.message)
    )
      return undefined;
    return error instanceof EngineError
      ? error.message.replace(/^GET \S+: \d+ /, "")
      : `no answer in ${reachLimitMs / 1000} s`;
  }
}

/**
 * Puts an image with its inline cache where other builds look for it, by the logins of `docker login`.
 *
 * @returns why it could not be pushed; undefined where it was
 */
export async function pushInline(
  image: string,
  reference: string,
  { engine, signal }: { engine: Engine; signal: AbortSignal },
): Promise<string | undefined> {
  await engine.tag(image, reference);
  try {
    const { exitCode, stderr } = await execa("docker", ["push", "--quiet", reference], {
      env: { DOCKER_HOST: engine.host, DOCKER_CONTEXT: undefined },
      stdin: "ignore",
      reject: false,
      timeout: pushLimitMs,
      cancelSignal: signal,
    });
    signal.throwIfAborted();
    return exitCode === 0
      ? undefined
      : stderr.trim().split("\n").at(-1) || "docker push failed without a word";
  } finally {
    await engine.untag(reference);
  }
}
