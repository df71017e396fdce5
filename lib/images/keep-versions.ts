import type { Engine } from "../docker/engine.ts";
import { pathComponent, stackRepository } from "./image-reference.ts";
import type { TagLedger } from "./tag-ledger.ts";

/** A name that could not go, and the containers that hold it. */
export interface KeptByUse {
  reference: string;
  containers: string[];
}

/**
 * Puts a version in front: it is the one in use. The one that was in use until now comes next, which matters after a pin
 * was released: it is what one would go back to.
 */
export function noteVersion(
  ledger: TagLedger,
  stack: string,
  image: string,
  reference: string,
  formerly?: string,
): void {
  const key = `${stack}/${image}`;
  const order = ledger.versions[key] ?? [];
  const next = formerly !== undefined && order.includes(formerly) ? [formerly] : [];
  ledger.versions[key] = [...new Set([reference, ...next, ...order])];
  ledger.released = ledger.released.filter((other) => other !== reference);
}

/** Where a version stands in its image's order: age 0 is the current one, -1 one that the ledger does not know. */
export function orderOf(reference: string, ledger: TagLedger): { repository: string; age: number } {
  const order = Object.values(ledger.versions).find((references) => references.includes(reference));
  return {
    repository: reference.slice(0, reference.lastIndexOf(":")),
    age: order?.indexOf(reference) ?? -1,
  };
}

/** Notes versions that their stack has given up while a container holds them: once it is gone, `npm run prune` may take them. */
export function releaseVersions(ledger: TagLedger, stack: string, references: string[]): void {
  ledger.released = [...new Set([...ledger.released, ...references])];
  const stays = Object.entries(ledger.versions).some(
    ([key, order]) =>
      key.startsWith(`${stack}/`) && order.some((reference) => !ledger.released.includes(reference)),
  );
  if (!stays) delete ledger.keeps[stack];
}

/** Drops a version that is gone from the engine. */
export function forgetVersion(ledger: TagLedger, reference: string): void {
  for (const [key, references] of Object.entries(ledger.versions)) {
    if (!references.includes(reference)) continue;
    const rest = references.filter((other) => other !== reference);
    if (rest.length > 0) ledger.versions[key] = rest;
    else delete ledger.versions[key];
  }
  ledger.released = ledger.released.filter((other) => other !== reference);
}

/** Hash references of one image on the engine, the one used last first. */
export async function versionsOf(
  ledger: TagLedger,
  stack: string,
  image: string,
  engine: Engine,
): Promise<string[]> {
  const names = await engine.names(`${stackRepository(stack)}/${pathComponent(image)}:*`);
  const order = ledger.versions[`${stack}/${image}`] ?? [];
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return names.map(({ name }) => name).sort((a, b) => rank(a) - rank(b)); // stable: the engine's order decides among unknown ones
}

/**
 * Removes hash references beyond the newest `keep`, never by force and never one that is needed: a version that the
 * stack is pinned to need not be among the newest. `keep: 0` removes all.
 * @returns what went, and what stays because a container uses it
 */
export async function removeOldVersions(
  options: { stack: string; image: string; keep: number; isNeeded?: (reference: string) => boolean },
  ledger: TagLedger,
  engine: Engine,
): Promise<{ removed: string[]; kept: KeptByUse[] }> {
  const versions = await versionsOf(ledger, options.stack, options.image, engine);
  const removed: string[] = [];
  const kept: KeptByUse[] = [];
  for (const reference of versions.slice(options.keep)) {
    if (options.isNeeded?.(reference)) continue;
    const removal = await engine.untag(reference);
    if (typeof removal === "object")
      kept.push({ reference, containers: removal.usedBy.map(({ name, state }) => `${name} (${state})`) });
    else removed.push(reference);
  }
  const rest = versions.filter((reference) => !removed.includes(reference));
  if (rest.length > 0) ledger.versions[`${options.stack}/${options.image}`] = rest;
  else delete ledger.versions[`${options.stack}/${options.image}`];
  return { removed, kept };
}
