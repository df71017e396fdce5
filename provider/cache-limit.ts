import prettyBytes from "pretty-bytes";
import { stackCaches, type CacheIdentity } from "../lib/cache-store/engine-volume.ts";
import { evict, type EvictionResult } from "../lib/cache-store/evict.ts";
import { withCacheLock } from "../lib/cache-store/lock.ts";
import { engineAt } from "../lib/docker/engine.ts";
import { listedImages } from "../lib/docker/listed-images.ts";
import type { BuildRun } from "../lib/images/build-run.ts";
import type { ResourceHandler, Session } from "./resource-handler.ts";

/** What the program says, and what a refresh found. */
export interface CacheLimitState {
  /** Stack that owns the caches. */
  stack: string;
  dockerHost: string;
  caches: CacheIdentity[];
  /** Bytes. */
  limit: number;
  /** Images that stay, as `host/repository@digest`; a change of these alone is no change. */
  pins: string[];
  /** Images that may fill the caches when they are made: hash references, and external ones by digest. @default none */
  images?: string[];
  /** In the state alone: images that were there when the caches were looked at, and that have not gone since. */
  looked?: string[];
  /** `"at most 100 GB"`, or how much it is where something can go: so a preview shows it. */
  found?: string;
}

const keys = ["limit", "found"] as const;

/** The limit of a stack's caches: beyond it, what was not used for longest goes. */
export const cacheLimit: ResourceHandler<CacheLimitState, CacheLimitState> = {
  async check(_urn, _olds, news) {
    return { inputs: { ...news, found: wanted(news) }, failures: [] };
  },
  async diff(_id, _urn, olds, news) {
    // A new one comes into being before this resource has its turn: preview and update both know it by its name.
    const looked = new Set(olds.looked);
    const isAnyNew = (news.images ?? []).some((image) => !looked.has(image));
    const changes = isAnyNew || keys.some((key) => olds[key] !== news[key]);
    return { changes, replaces: [], deleteBeforeReplace: false };
  },
  async create(urn, inputs, session) {
    await keep(inputs, urn, session);
    return { id: `${inputs.stack}/cache-limit`, outs: { ...inputs, looked: inputs.images ?? [] } };
  },
  async read(id, _urn, props, run) {
    // A cache that does not run is another resource's drift.
    const plan = await limited(props, { dryRun: true }).catch(() => undefined);
    // Where nothing can go there is nothing to do, though it be too much.
    const isOver = plan !== undefined && plan.bytesBefore > props.limit && plan.bytesAfter < plan.bytesBefore;
    const { looked, ...rest } = props;
    const live = { ...rest, found: isOver ? prettyBytes(plan.bytesBefore) : wanted(props) };
    return {
      id,
      props: { ...live, ...(looked && { looked: await stillThere(looked, props.dockerHost, run) }) },
      inputs: live,
    };
  },
  async update(_id, urn, olds, news, session) {
    await keep(news, urn, session);
    // Earlier versions stay in it: to go back to one builds nothing.
    const earlier = (olds.looked ?? []).filter(isBuilt);
    return { outs: { ...news, looked: [...new Set([...(news.images ?? []), ...earlier])] } };
  },
  async delete() {},
};

function wanted({ limit }: CacheLimitState): string {
  return `at most ${prettyBytes(limit)}`;
}

/** Without the images that are gone, which this run builds again where they are wanted, or that it has built by now. */
async function stillThere(
  images: string[],
  dockerHost: string,
  run: BuildRun | undefined,
): Promise<string[]> {
  const listed = await listedImages(engineAt(dockerHost)).catch(() => undefined);
  if (!listed) return images; // an engine that does not answer is said by others
  const { byName } = listed;
  return images.filter((image) => !isBuilt(image) || (byName.has(image) && !run?.built.has(image)));
}

/** Not fetched by its digest. */
function isBuilt(image: string): boolean {
  return !image.includes("@");
}

async function keep(state: CacheLimitState, urn: string, { log, signal }: Session): Promise<void> {
  const { removed, bytesBefore, bytesAfter } = await withCacheLock(
    state.dockerHost,
    { stack: state.stack, waitMs: 60_000, signal },
    () => limited(state, { signal }),
  );
  if (removed.length > 0)
    await log(
      `removed ${removed.length} ${removed.length === 1 ? "image" : "images"} from the registry cache, ${prettyBytes(bytesBefore - bytesAfter)}`,
      { urn },
    );
  if (bytesAfter > state.limit)
    await log(
      `the registry cache takes ${prettyBytes(bytesAfter)}, more than registryCache.maxSize (${prettyBytes(state.limit)}): stacks need what is left`,
      { urn, severity: "warning" },
    );
}

async function limited(
  { stack, dockerHost, caches, limit, pins }: CacheLimitState,
  options: { dryRun?: boolean; signal?: AbortSignal },
): Promise<EvictionResult> {
  const found = await stackCaches(stack, caches, engineAt(dockerHost));
  const names = new Map(pins.map((pin) => [pin, pin]));
  return evict({
    ...{ volumes: found.map(({ volume }) => volume), limit, pins: { names, notes: [] } },
    ...options,
  });
}
