import type { Engine } from "../docker/engine.ts";
import { pathComponent, stackRepository } from "./image-reference.ts";
import type { TagLedger } from "./tag-ledger.ts";

/** A name that could not go, and the containers that hold it. */
export interface KeptByUse {
  reference: string;
  containers: string[];
}

/** Puts a version in front: it is the one in use. */
export function noteVersion(ledger: TagLedger, stack: string, image: string, reference: string): void {
  const key = `${stack}/${image}`;
  ledger.versions[key] = [reference, ...(ledger.versions[key] ?? []).filter((other) => other !== reference)];
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
 * Removes hash references beyond the newest `keep`, never by force. `keep: 0` removes all.
 * @returns what went, and what stays because a container uses it
 */
export async function removeOldVersions(
  options: { stack: string; image: string; keep: number },
  ledger: TagLedger,
  engine: Engine,
): Promise<{ removed: string[]; kept: KeptByUse[] }> {
  const versions = await versionsOf(ledger, options.stack, options.image, engine);
  const removed: string[] = [];
  const kept: KeptByUse[] = [];
  for (const reference of versions.slice(options.keep)) {
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
