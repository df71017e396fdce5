import { engineAt } from "../docker/engine.ts";
import { engineRequest, socketOf, unlessMissing } from "../docker/request.ts";
import { UserError } from "../errors.ts";
import { secretProblems } from "../images/build-secrets.ts";
import { refuseForeignTags } from "../images/promote.ts";
import { readTagLedger } from "../images/tag-ledger.ts";
import type { ImagePlan } from "../images/types.ts";
import { isRegistry } from "../registry/probe.ts";
import type { Settings } from "../settings/settings.ts";
import { buildxProblem } from "./buildx.ts";
import { diskProblem } from "./disk.ts";
import { engineFacts } from "./engine-facts.ts";
import { named, otherCaches, waysToAdopt } from "./other-cache.ts";
import { portHolder } from "./port-holder.ts";

/** Oldest engine that has `dockerd --validate`, named build contexts and BuildKit as its builder. */
const oldestEngine = 23;

/**
 * Looks at what a run needs, before anything is declared: engine, buildx, the cache's port and volume, and for the
 * images that are still to be built their secrets and the disk.
 *
 * @throws UserError with a line for each problem and what to do about it.
 */
export async function checkHost(settings: Settings, images: ImagePlan[]): Promise<void> {
  const problems = await hostProblems(settings, images);
  if (problems.length > 0)
    throw new UserError(["This host is not ready:", ...problems.map((line) => `  ${line}`)].join("\n"));
}

async function hostProblems(settings: Settings, images: ImagePlan[]): Promise<string[]> {
  const { host } = settings.engine;
  const cacheName = `gpu-build-host-${settings.stack}-registry-cache`;
  const facts = await engineFacts(
    host,
    cacheName,
    images.map(({ reference }) => reference),
  );
  if (typeof facts === "string") return [facts];
  const major = Number.parseInt(facts.version, 10);
  if (major < oldestEngine) {
    return [
      `The Docker Engine at ${host} is ${facts.version}; ${oldestEngine}.0 or newer is needed: https://docs.docker.com/engine/install/`,
    ];
  }
  const missing = images.filter(({ reference }) => facts.missingImages.has(reference));
  const problems = [
    rootProblem(settings),
    await buildxProblem(),
    ...missing.flatMap(({ name, secrets }) => secretProblems(name, secrets)),
    ...(await foreignTags(settings, images, facts.id)),
    missing.some(({ name }) => name === "cuda-base-runtime") ? await diskProblem(facts.dataRoot) : undefined,
  ];
  if (settings.registryCache.mode === "own") {
    problems.push(foreignVolume(cacheName, settings.stack, facts.volumeStack));
    const { port, volume } = settings.registryCache;
    if (facts.cachePort !== String(port)) problems.push(await takenPort(settings, port));
    if (volume) problems.push(await adoptionProblem(settings, volume, cacheName));
  }
  return problems.filter((problem) => problem !== undefined);
}

/** Only root sees which file a dockerd reads, and may write it. */
function rootProblem({ dockerDaemon }: Settings, uid = process.getuid?.() ?? 0): string | undefined {
  if (uid === 0 || dockerDaemon.manage !== "apply") return undefined;
  return `Changing the daemon.json of Docker needs root, and this is user ${uid}: run with sudo, or set dockerDaemon.manage to print: pulumi config set --path gpu-build-host:dockerDaemon.manage print`;
}

/** Friendly tags that are somebody else's: known before the first image is built, and in a preview. */
async function foreignTags(settings: Settings, images: ImagePlan[], engineId: string): Promise<string[]> {
  const engine = engineAt(settings.engine.host);
  const ledger = await readTagLedger(settings.stateDir, engineId);
  const problems = images.map(({ name, reference, tags }) =>
    refuseForeignTags(
      { stack: settings.stack, image: name, reference, tags, adopt: settings.adoptTags },
      ledger,
      engine,
    ).catch((error: unknown) => {
      if (error instanceof UserError) return `${name}: ${error.message}`;
      throw error;
    }),
  );
  return (await Promise.all(problems)).filter((problem) => problem !== undefined);
}

/** Docker would adopt a volume of that name silently, and destroy would delete it with its data. */
function foreignVolume(name: string, stack: string, owner: string | null | undefined): string | undefined {
  if (owner === undefined || owner === stack) return undefined;
  return `The volume ${name} exists and is not of the stack ${stack}. Rename or remove it: docker volume rm ${name}`;
}

async function takenPort({ engine, stack }: Settings, port: number): Promise<string | undefined> {
  const holder = await portHolder(port);
  if (!holder) return undefined;
  const other = (await otherCaches(engine.host)).find((cache) => cache.isRunning && cache.port === port);
  if (other)
    return `Port ${port} is the one of a registry cache that no stack made: ${named(other)}. Either ${waysToAdopt(other, stack)}`;
  const set = "pulumi config set --path gpu-build-host:registryCache";
  if (await isRegistry(port))
    return `Port ${port} on 127.0.0.1 is taken by ${holder}, which is a registry. If it is a pull-through cache, use it: ${set}.mode external; else choose another port: ${set}.port PORT`;
  return `Port ${port} on 127.0.0.1 is taken by ${holder}. Choose another: ${set}.port PORT`;
}

/** A volume that the cache shall take over has to be there, and nobody else may write into it meanwhile. */
async function adoptionProblem(
  { engine }: Settings,
  volume: string,
  cacheName: string,
): Promise<string | undefined> {
  const get = <T>(path: string, query = {}) =>
    engineRequest<T>(socketOf(engine.host), { path, query, timeoutMs: 10_000 });
  if (!(await unlessMissing(get(`/volumes/${volume}`))))
    return `The volume ${volume} (registryCache.volume) is not there: see docker volume ls, or remove the setting`;
  const users = await get<{ Names: string[] }[]>("/containers/json", { filters: { volume: [volume] } });
  const other = users.flatMap(({ Names }) => Names).find((name) => name !== `/${cacheName}`);
  if (!other) return undefined;
  return `The volume ${volume} (registryCache.volume) is in use by the container ${other.slice(1)}: docker stop ${other.slice(1)}`;
}
