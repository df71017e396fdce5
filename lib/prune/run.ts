import type { Engine } from "../docker/engine.ts";
import { holdVersion, isInWork } from "../images/in-work.ts";
import { forgetVersion } from "../images/keep-versions.ts";
import { withTagLedger, type TagLedger } from "../images/tag-ledger.ts";
import { withDescendants, type CacheRecord } from "./build-cache.ts";
import { readCache, readDiskUse, type DiskUse } from "./content.ts";
import type { PrunePlan } from "./plan.ts";
import type { VersionRemoval } from "./versions.ts";

export interface PruneRun {
  engine: Engine;
  stack: string;
  stateDir: string;
  signal: AbortSignal;
  /** What is being removed now. */
  onStep?: (detail: string) => void;
}

/** What a prune came to. */
export interface PruneResult {
  /** Bytes that images, build cache and volumes take less than before, as the engine counts. */
  freed: number;
  /** The same without build cache and volumes: layers that no image has any more. */
  freedByImages: number;
  /** What stays against the plan. */
  notes: string[];
}

/** Removes what the plan names; each thing is asked again whether it is still not needed. Stopped anywhere, all is whole. */
export async function runPrune(plan: PrunePlan, before: DiskUse, run: PruneRun): Promise<PruneResult> {
  const notes: string[] = [];
  const started = Date.now();
  const shared = new Set((await readCache(run.engine)).filter((record) => record.shared).map(({ id }) => id));
  for (const version of plan.versions) {
    run.signal.throwIfAborted();
    run.onStep?.(version.reference);
    const why = await removeVersion(version, run);
    if (why) notes.push(`${version.reference} stays: ${why}`);
  }
  run.signal.throwIfAborted();
  run.onStep?.("build cache");
  if (!(await pruneCache(plan.records, shared, started, run.engine)))
    notes.push("a build still uses layers of the removed images: run it again later");
  let volumeBytes = 0;
  for (const name of plan.volumes) {
    run.signal.throwIfAborted();
    run.onStep?.(name);
    const removed = await removeVolume(name, run.engine);
    const item = plan.items.find(({ kind, name: other }) => kind === "volume" && other === name);
    if (removed) volumeBytes += item?.bytes ?? 0;
    else notes.push(`volume ${name} stays: a container uses it by now`);
  }
  const after = await readDiskUse(run.engine);
  return {
    // Others may have built meanwhile.
    freed: Math.max(0, before.images + before.cache - after.images - after.cache + volumeBytes),
    freedByImages: Math.max(0, before.images - after.images),
    notes,
  };
}

/** Takes a version's name away unless it is needed by now. Returns why it stays. */
async function removeVersion(version: VersionRemoval, run: PruneRun): Promise<string | undefined> {
  const { engine, stack, stateDir, signal } = run;
  const { reference } = version;
  const engineId = (await engine.info()).id;
  const atWork = "a run is at work on it";
  if (await isInWork(engineId, reference)) return atWork;
  const where = { engineId, reference, stack, signal };
  return holdVersion(
    where,
    () =>
      withTagLedger({ stateDir, engineId, stack, signal }, async (ledger) => {
        if (isCurrent(reference, ledger)) return "its stack uses it by now";
        const removal = await engine.untag(reference);
        if (typeof removal === "object")
          return `used by ${removal.usedBy.map(({ name, state }) => `${name} (${state})`).join(", ")}`;
        forgetVersion(ledger, reference);
        return undefined;
      }),
    60_000,
  );
}

function isCurrent(reference: string, ledger: TagLedger): boolean {
  if (ledger.released.includes(reference)) return false;
  return (
    Object.values(ledger.pins).includes(reference) ||
    Object.values(ledger.versions).some(([current]) => current === reference) ||
    Object.values(ledger.tags).some((entry) => entry.reference === reference)
  );
}

/** Most IDs that one request names: they stand in its address, which may have a megabyte. */
const idsPerRequest = 20_000;

/**
 * Removes records of the build cache: the planned ones, those whose layers were only in the removed images, and what
 * stands on these: while they are there, the disk keeps the layers. BuildKit itself refuses what a build uses; `until` spares what was used since the plan was made.
 * @returns whether nothing of the removed images is left in it
 */
async function pruneCache(
  planned: CacheRecord[],
  sharedBefore: Set<string>,
  started: number,
  engine: Engine,
): Promise<boolean> {
  const now = await readCache(engine);
  const orphans = new Set(
    now.filter(({ id, shared }) => !shared && sharedBefore.has(id)).map(({ id }) => id),
  );
  const ids = [...new Set([...planned.map(({ id }) => id), ...withDescendants(now, orphans)])];
  // A time, not a duration: the engine rounds that down to whole seconds, and would spare what was used shortly before.
  const until = (started / 1000).toFixed(9);
  for (let index = 0; index < ids.length; index += idsPerRequest) {
    const part = ids.slice(index, index + idsPerRequest);
    await engine.ask({
      method: "POST",
      path: "/build/prune",
      query: { filters: { id: [`^(${part.join("|")})$`], until: [until] } },
      timeoutMs: 600_000,
    });
  }
  return orphans.size === 0 || !(await readCache(engine)).some(({ id }) => orphans.has(id));
}

async function removeVolume(name: string, engine: Engine): Promise<boolean> {
  try {
    await engine.ask({ method: "DELETE", path: `/volumes/${name}` });
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 409) return false;
    if ((error as { statusCode?: number }).statusCode === 404) return true;
    throw error;
  }
}
