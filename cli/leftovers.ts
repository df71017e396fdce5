import Docker from "dockerode";

/** Connects to the engine behind `unix://…`. */
function engineAt(dockerHost: string): Docker {
  return new Docker({ socketPath: dockerHost.replace(/^unix:\/\//, "") });
}

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
  const docker = engineAt(dockerHost);
  const containers = await docker.listContainers({
    all: true,
    filters: { label: [`gpu-build-host.stack=${stack}`] },
  });
  const strays = containers.filter(({ Id }) => !known.has(Id));
  for (const { Id } of strays) await docker.getContainer(Id).remove({ force: true });
  return strays.map(({ Names, Id }) => Names[0]?.replace(/^\//, "") ?? Id);
}
