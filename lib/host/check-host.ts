import { UserError } from "../errors.ts";
import { secretProblems } from "../images/build-secrets.ts";
import type { ImagePlan } from "../images/types.ts";
import type { Settings } from "../settings/settings.ts";
import { buildxProblem } from "./buildx.ts";
import { diskProblem } from "./disk.ts";
import { engineFacts } from "./engine-facts.ts";
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
    await buildxProblem(),
    ...missing.flatMap(({ name, secrets }) => secretProblems(name, secrets)),
    missing.some(({ name }) => name === "cuda-base-runtime") ? await diskProblem(facts.dataRoot) : undefined,
  ];
  if (settings.registryCache.mode === "own") {
    problems.push(foreignVolume(cacheName, settings.stack, facts.volumeStack));
    const { port } = settings.registryCache;
    if (facts.cachePort !== String(port)) problems.push(await takenPort(port));
  }
  return problems.filter((problem) => problem !== undefined);
}

/** Docker would adopt a volume of that name silently, and destroy would delete it with its data. */
function foreignVolume(name: string, stack: string, owner: string | null | undefined): string | undefined {
  if (owner === undefined || owner === stack) return undefined;
  return `The volume ${name} exists and is not of the stack ${stack}. Rename or remove it: docker volume rm ${name}`;
}

async function takenPort(port: number): Promise<string | undefined> {
  const holder = await portHolder(port);
  if (!holder) return undefined;
  return `Port ${port} on 127.0.0.1 is taken by ${holder}. Choose another: pulumi config set --path gpu-build-host:registryCache.port PORT`;
}
