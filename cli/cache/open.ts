import { stackCaches, type StackCache } from "../../lib/cache-store/engine-volume.ts";
import { withCacheLock } from "../../lib/cache-store/lock.ts";
import { pinsOfStacks, type Pins } from "../../lib/cache-store/needed.ts";
import type { CacheVolume } from "../../lib/cache-store/volume.ts";
import { engineAt } from "../../lib/docker/engine.ts";
import { messageOf, UserError } from "../../lib/errors.ts";
import { CacheClient } from "../../lib/registry/cache-client.ts";
import { cachesOf } from "../../lib/registry/cache-settings.ts";
import { checkStackFile, settingsOfStackFile } from "../../lib/settings/load.ts";
import { bytesOf } from "../../lib/settings/quantities.ts";
import type { Settings } from "../../lib/settings/settings.ts";
import { interruptible } from "../interrupts.ts";
import { createProgress, type Progress } from "../progress.ts";
import { projectRoot } from "../project-folders.ts";

/** The caches of a stack, as commands work on them. */
export interface OpenCaches {
  settings: Settings;
  caches: StackCache[];
  volumes: CacheVolume[];
  pins: Pins;
  /** Bytes that all caches together may take; undefined where the settings give no limit. */
  limit: number | undefined;
  /** A client of one of the caches. */
  clientOf(volume: CacheVolume): CacheClient;
  progress: Progress;
  signal: AbortSignal;
}

/** Seconds without a byte until a cache's answer is given up; the cache itself waits for its upstream longer. */
const idleSeconds = 60;

/** Opens the caches of a stack, runs a command's work, and closes them, whatever happens. */
export async function withCaches(stack: string, work: (open: OpenCaches) => Promise<void>): Promise<void> {
  const progress = createProgress();
  const clients = new Map<CacheVolume, CacheClient>();
  try {
    await interruptible(async (signal) => {
      checkStackFile(projectRoot, stack);
      const settings = settingsOfStackFile(projectRoot, stack);
      const engine = engineAt(settings.engine.host);
      await engine.info().catch((error: Error) => Promise.reject(startable(error, settings)));
      const caches = await stackCaches(stack, cachesOf(settings), engine);
      await work({
        settings,
        caches,
        volumes: caches.map(({ volume }) => volume),
        pins: await pinsOfStacks(projectRoot),
        limit: bytesOf(settings.registryCache.maxSize ?? ""),
        clientOf(volume) {
          const client = clients.get(volume) ?? newClient(caches.find((cache) => cache.volume === volume)!);
          clients.set(volume, client);
          return client;
        },
        progress,
        signal,
      });
    });
  } finally {
    progress.stop();
    await Promise.all([...clients.values()].map((client) => client.close()));
  }
}

/** Runs what changes caches of an engine while no other command of this host does. */
export function changing<T>({ settings }: OpenCaches, work: () => Promise<T>): Promise<T> {
  return withCacheLock(settings.engine.host, { stack: settings.stack, waitMs: 2_000 }, work);
}

/** @throws UserError where a cache is another stack's: what it keeps is for its owner to say. */
export function requireOwn({ caches, settings }: OpenCaches, command: string): void {
  const other = caches.find(({ owner }) => owner !== settings.stack);
  if (other)
    throw new UserError(
      `The cache ${other.volume.name} belongs to the stack "${other.owner}": npm run cache -- ${command} --stack ${other.owner}`,
    );
}

function newClient({ settings }: StackCache): CacheClient {
  try {
    return new CacheClient(settings, idleSeconds * 1000);
  } catch (error) {
    throw new UserError(`A file of registryCache.tls cannot be read: ${messageOf(error)}`);
  }
}

function startable(error: Error, settings: Settings): Error {
  if (!settings.sandbox || !(error instanceof UserError)) return error;
  return new UserError("The sandbox does not run, and its cache neither. Start it with: npm run -s env");
}
