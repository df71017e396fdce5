import { engineAt } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { secretProblems } from "../images/build-secrets.ts";
import { refuseForeignTags } from "../images/promote.ts";
import { readTagLedger } from "../images/tag-ledger.ts";
import type { ImagePlan } from "../images/types.ts";
import { cacheName } from "../registry/cache-name.ts";
import { tlsWarnings } from "../registry/certificate.ts";
import type { Settings } from "../settings/settings.ts";
import { buildxProblem } from "./buildx.ts";
import { cacheProblems, certsByHand } from "./check-cache.ts";
import { diskProblem } from "./disk.ts";
import { engineFacts } from "./engine-facts.ts";

/** Oldest engine that has `dockerd --validate`, named build contexts and BuildKit as its builder. */
const oldestEngine = 23;

/**
 * Looks at what a run needs, before anything is declared: engine, buildx, the caches' ports, volumes, certificates and
 * logins, and for the images that are still to be built their secrets and the disk.
 *
 * @returns a line for each thing that works and ought to be otherwise.
 * @throws UserError with a line for each problem and what to do about it.
 */
export async function checkHost(settings: Settings, images: ImagePlan[]): Promise<string[]> {
  const problems = await hostProblems(settings, images);
  if (problems.length > 0)
    throw new UserError(["This host is not ready:", ...problems.map((line) => `  ${line}`)].join("\n"));
  const { mode, tls } = settings.registryCache;
  return [...(mode === "own" && tls ? tlsWarnings(tls) : []), ...certsByHand(settings)];
}

async function hostProblems(settings: Settings, images: ImagePlan[]): Promise<string[]> {
  const { host } = settings.engine;
  const facts = await engineFacts(
    host,
    cacheName(settings.stack),
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
    ...(await foreignTags(settings, images, facts.id)),
    missing.some(({ name }) => name === "cuda-base-runtime") ? await diskProblem(facts.dataRoot) : undefined,
    ...(await cacheProblems(settings, facts)),
  ];
  return problems.filter((problem) => problem !== undefined);
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
