import type { Engine } from "../docker/engine.ts";
import { readHistory } from "../images/history.ts";
import { parseReference } from "../images/image-reference.ts";
import { buildPlatform } from "../images/plan.ts";
import type { ImagePlan } from "../images/types.ts";
import { shownPath } from "../locks/requirement-files.ts";
import { readSizes } from "../locks/sizes.ts";
import { upstreamsOf } from "../registry/cache-settings.ts";
import type { Settings } from "../settings/settings.ts";
import { askIndex } from "./ask-index.ts";
import { billBase, type BilledBase, type BaseSources } from "./bases.ts";
import { readBuild, type ImageBuild } from "./build-steps.ts";
import { readEngine, type EngineState } from "./engine-state.ts";
import { makeBill } from "./make-bill.ts";
import { indexPages } from "./index-pages.ts";
import { packagesIn, packagesOf, type WantedPackage } from "./packages.ts";
import { remoteSizes } from "./remote-sizes.ts";
import { stepsToRun, type BilledImage } from "./steps-to-run.ts";
import type { Bill, BillPart } from "./types.ts";

export interface BillQuestion {
  settings: Settings;
  /** Every image of the stack, parents first. */
  plan: ImagePlan[];
  /** Images that `up` will build: see `rebuildsOf`. */
  rebuilds: { image: string }[];
  /** Hash and parts of the images as they are, by name: a forced rebuild empties cache mounts only once. */
  previous?: ReadonlyMap<string, { parts?: Record<string, string> }>;
  /** @default none: then everything counts as to be fetched */
  engine?: Engine;
  /** The registry cache's own image by digest, e.g. `"registry@sha256:…"`. */
  cacheImage?: string;
  /** Whether the index may be asked for sizes that no lock has. @default true */
  askIndex?: boolean;
}

/** Milliseconds for each of the questions. */
const limits = { registry: 3_000, index: 3_000, pages: 1_500, remote: 2_000 };

/**
 * What a plan costs before anything is built: bytes, disk, minutes. Reads metadata only: no layer and no wheel is fetched.
 * Never throws for what cannot be asked: such parts are named as unknown.
 */
export async function billOf(question: BillQuestion): Promise<Bill> {
  const { settings, plan } = question;
  const problems: string[] = [];
  const engine = await readEngine(question.engine, settings.stateDir, problems);
  const rebuilt = new Set(question.rebuilds.map(({ image }) => image));
  const images = await readImages(plan, rebuilt, question.previous, problems);
  const steps = images
    .filter(({ isBuilt }) => isBuilt)
    .flatMap(({ name, build }) => build.steps.map((step) => ({ ...step, image: name })))
    .filter(({ key }) => !engine.cached.has(key));
  const addresses = steps.flatMap(({ remotes }) => remotes);
  for (const { image, unread } of steps)
    for (const file of unread)
      problems.push(`packages of ${image}: ${file} is no file of a bind mount, so it is not read`);
  if (steps.length > 0) problems.push(...uncountedCaches(settings));
  const { proxies } = upstreamsOf(settings);
  const packages = await readPackages(images, plan, question, problems);
  const [pages, bases, remotes, events] = await Promise.all([
    askPages(images, engine, packages, question),
    readBases(images, engine, question),
    remoteSizes(addresses, proxies, limits.remote),
    readHistory(settings.stateDir, settings.stack).catch(() => []),
    askSizes(packages, question, problems),
  ]);
  return makeBill({
    stack: settings.stack,
    images,
    ...engine,
    packages,
    pages,
    bases,
    remotes,
    events,
    basis: engine.engine ? "engine" : "nothing here",
    problems,
  });
}

/** Caches of the stack that make it less: what they hold is asked for by builds only. */
function uncountedCaches({ packageCache, buildCache }: Settings): string[] {
  return [
    ...(packageCache.mode !== "off" ? ["what the package cache holds: it counts as fetched"] : []),
    ...(buildCache.type !== "off" ? ["steps that buildCache holds: they count as built here"] : []),
  ];
}

async function readImages(
  plan: ImagePlan[],
  rebuilt: Set<string>,
  previous: BillQuestion["previous"],
  problems: string[],
): Promise<BilledImage[]> {
  const keys = new Map<string, string>();
  const images: BilledImage[] = [];
  for (const one of plan) {
    const none: ImageBuild = { image: one.name, steps: [], key: "", externals: [] };
    const build = await readBuild(one, (reference) => keys.get(reference)).catch((error: unknown) => {
      problems.push(`image ${one.name}: ${firstLine(error)}`);
      return none;
    });
    if (build !== none) keys.set(one.reference, build.key);
    const before = previous?.get(one.name);
    const isForced = before !== undefined && before.parts?.["rebuild"] !== one.parts["rebuild"];
    images.push({
      name: one.name,
      parents: one.parents,
      isBuilt: rebuilt.has(one.name),
      emptiesCaches: isForced && one.rebuild.noCache && one.args["REBUILD"] === undefined,
      build,
    });
  }
  return images;
}

/** Packages of every lock and pin, with the sizes that are written down. */
async function readPackages(
  images: BilledImage[],
  plan: ImagePlan[],
  { settings }: BillQuestion,
  problems: string[],
): Promise<Map<string, WantedPackage[]>> {
  const found = new Map<string, WantedPackage[]>();
  for (const { name, isBuilt, build } of images) {
    if (!isBuilt) continue;
    const { context, dockerfile } = plan.find((one) => one.name === name)!;
    const own = await readSizes(`${context}/${dockerfile}`);
    for (const { locks, pins } of build.steps) {
      for (const lock of locks.filter((one) => !found.has(one)))
        found.set(
          lock,
          await packagesOf(lock, settings.cudaBase.python).catch(() => {
            problems.push(`packages of ${shownPath(settings.root, lock)}: it cannot be read as a lock`);
            return [];
          }),
        );
      for (const pin of pins) {
        const [packageName, version] = pin.split("==") as [string, string];
        const bytes = own[pin];
        found.set(pin, [{ name: packageName, version, marks: [pin], ...(bytes !== undefined && { bytes }) }]);
      }
    }
  }
  return found;
}

/** Asks the index for sizes that are not written down. */
async function askSizes(
  packages: Map<string, WantedPackage[]>,
  { settings, askIndex: mayAsk = true }: BillQuestion,
  problems: string[],
): Promise<void> {
  const unknown = [...packages.values()].flat().filter(({ bytes }) => bytes === undefined);
  if (unknown.length === 0 || !mayAsk) return;
  const problem = await askIndex(unknown, settings, limits.index);
  if (problem) problems.push(problem);
}

/** Asks for the index's pages of what the running steps install. */
async function askPages(
  images: BilledImage[],
  engine: EngineState,
  packages: Map<string, WantedPackage[]>,
  { settings, askIndex: mayAsk = true }: BillQuestion,
): Promise<BillPart[]> {
  if (!mayAsk) return [];
  const running = stepsToRun(images, engine, (step) => packagesIn(step, packages));
  const { packageIndex } = settings.cudaBase;
  const { proxies } = upstreamsOf(settings);
  return indexPages(running, { stateDir: settings.stateDir, proxies, packageIndex, limitMs: limits.pages });
}

async function readBases(
  images: BilledImage[],
  engine: EngineState,
  { settings, cacheImage }: BillQuestion,
): Promise<BilledBase[]> {
  const users = new Map<string, { name: string; images: string[] }>();
  for (const { name: image, build } of images.filter(({ isBuilt }) => isBuilt))
    for (const { pull, name } of build.externals) {
      const entry = users.get(pull) ?? { name, images: [] };
      users.set(pull, entry);
      entry.images.push(image);
    }
  const sources: BaseSources = {
    stateDir: settings.stateDir,
    registry: { ...upstreamsOf(settings), timeoutMs: limits.registry },
    engine: engine.engine,
    chains: engine.chains,
    records: engine.records,
  };
  const questions = [...users].map(([pull, { name, images: ofIt }]) => ({
    pull,
    name,
    images: ofIt,
    platform: buildPlatform,
    reference: referenceOf(name, pull),
  }));
  const cache = cacheImage && settings.registryCache.mode === "own" ? cacheImage : undefined;
  if (cache && !(await hasImage(engine.engine, cache)))
    questions.push({ pull: cache, name: cache, images: [], platform: buildPlatform, reference: cache });
  return Promise.all(questions.map((one) => billBase(one, sources)));
}

/** The image at its own registry: the name as the Dockerfile has it, the digest as it is pulled. */
function referenceOf(name: string, pull: string): string {
  const parsed = parseReference(name);
  const digest = pull.slice(pull.indexOf("@"));
  return parsed ? `${parsed.host}/${parsed.repository}${digest}` : pull;
}

async function hasImage(engine: Engine | undefined, reference: string): Promise<boolean> {
  return (await engine?.image(reference).catch(() => undefined)) !== undefined;
}

function firstLine(error: unknown): string {
  return (error as Error).message.split("\n")[0] ?? "";
}
