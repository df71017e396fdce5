import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type { Engine } from "../docker/engine.ts";
import { execScript } from "../docker/exec.ts";
import { UserError } from "../errors.ts";
import { cacheAddress } from "../registry/cache-address.ts";
import { cacheName } from "../registry/cache-name.ts";
import type { CacheSettings } from "../registry/cache-settings.ts";
import { npmCommand } from "../settings/commands.ts";
import type { CacheVolume } from "./volume.ts";

/** What tells which container is meant. */
export type CacheIdentity = Pick<CacheSettings, "registry" | "mode" | "bind" | "port">;

/** A cache of a stack: its settings, its container, and its files. */
export interface StackCache<T extends CacheIdentity = CacheSettings> {
  settings: T;
  volume: CacheVolume;
  /** Stack that owns it. */
  owner: string;
  /** When its container was started, in milliseconds since 1970. */
  startedAt: number;
}

interface ContainerAnswer {
  Id: string;
  Name: string;
  State: { Running: boolean; StartedAt: string };
  Config: { Labels?: Record<string, string> | null };
}

/**
 * The running caches that a stack uses, its own or another stack's.
 *
 * @throws UserError where one is not there or does not run: its files are reached through its container.
 */
export async function stackCaches<T extends CacheIdentity>(
  stack: string,
  caches: T[],
  engine: Engine,
): Promise<StackCache<T>[]> {
  return Promise.all(
    caches.map(async (cache) => {
      const container = await containerOf(stack, cache, engine);
      return {
        settings: cache,
        volume: volumeOf(container.Id, container.Name.replace(/^\//, ""), cache, engine),
        owner: container.Config.Labels?.["gpu-build-host.stack"] ?? "",
        startedAt: Date.parse(container.State.StartedAt) || 0,
      };
    }),
  );
}

async function containerOf(stack: string, cache: CacheIdentity, engine: Engine): Promise<ContainerAnswer> {
  const start = stack === "sandbox" ? "npm start" : `npm start -- --stack ${stack} (or pulumi up)`;
  let name = cacheName(stack, cache.registry);
  if (cache.mode === "external") {
    const label = ["gpu-build-host.role=registry-cache", `gpu-build-host.port=${cache.port}`];
    const [found] = await engine.containers({ label });
    if (!found)
      throw new UserError(
        `registryCache.mode is external, and no stack's cache runs on ${cacheAddress(cache)} of this engine: what somebody else runs is looked after there`,
      );
    name = found.name;
  }
  const container = await engine.askIfThere<ContainerAnswer>({ path: `/containers/${name}/json` });
  if (!container) throw new UserError(`There is no cache ${name} yet: ${start}`);
  if (!container.State.Running)
    throw new UserError(
      `The cache ${name} is stopped, and its files are reached through it: ${npmCommand("npm run doctor", stack, "--fix")}, or docker start ${name}`,
    );
  return container;
}

function volumeOf(id: string, name: string, { registry }: CacheIdentity, engine: Engine): CacheVolume {
  return {
    registry: registry ?? "docker.io",
    name,
    run: (script, options = {}) =>
      execScript(engine, id, script, { user: "nobody", folder: "/var/lib/registry", ...options }),
    async log(of, since) {
      const docker = await engine.client();
      const answer = await docker.getContainer(id).logs({
        stdout: of === "requests",
        stderr: of === "messages",
        timestamps: true,
        since: since / 1000,
        follow: false,
      });
      const [out, err] = [new PassThrough(), new PassThrough()];
      const input = new PassThrough();
      docker.modem.demuxStream(input, out, err);
      input.end(answer);
      input.once("end", () => (out.end(), err.end()));
      return (await Promise.all([text(out), text(err)])).join("");
    },
  };
}
