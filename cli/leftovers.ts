import { engineAt } from "../lib/docker/engine.ts";
import { stackRepository } from "../lib/images/image-reference.ts";

/**
 * Removes containers that carry the stack's label but are not in its state: a run that was killed while it created one
 * leaves it behind, and its name would block every later run.
 *
 * @returns the names of what was removed.
 */
export async function removeStrayContainers(
  dockerHost: string,
  stack: string,
  known: Set<string>,
): Promise<string[]> {
  const engine = engineAt(dockerHost);
  const containers = await engine.containers({ label: [`gpu-build-host.stack=${stack}`] });
  const strays = containers.filter(({ id }) => !known.has(id));
  for (const { id } of strays) await engine.removeContainer(id);
  return strays.map(({ name }) => name);
}

/**
 * Removes the hash references of a stack that is destroyed and that its state does not know: of an image whose first
 * smoke test failed, or of a run that was killed. What a container uses stays.
 */
export async function removeStrayImages(dockerHost: string, stack: string): Promise<void> {
  const engine = engineAt(dockerHost);
  for (const { name } of await engine.names(`${stackRepository(stack)}/*`)) await engine.untag(name);
}
