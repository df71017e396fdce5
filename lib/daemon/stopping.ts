import { engineRequest } from "../docker/request.ts";

/** A running container, as a restart of dockerd concerns it. */
export interface RunningContainer {
  name: string;
  /** e.g. `"unless-stopped"`; `"no"` for none. */
  restartPolicy: string;
}

/** The running containers of an engine. */
export async function runningContainers(socketPath: string): Promise<RunningContainer[]> {
  const get = <T>(path: string) => engineRequest<T>(socketPath, { path, timeoutMs: 10_000 });
  const running = await get<{ Id: string; Names: string[] }[]>("/containers/json");
  const found = await Promise.all(
    running.map(async ({ Id, Names }) => {
      type Details = { HostConfig?: { RestartPolicy?: { Name?: string } } };
      const details = await get<Details>(`/containers/${Id}/json`).catch((): Details => ({}));
      return {
        name: (Names[0] ?? Id).replace(/^\//, ""),
        restartPolicy: details.HostConfig?.RestartPolicy?.Name || "no",
      };
    }),
  );
  return found.sort((a, b) => a.name.localeCompare(b.name));
}

/** What a restart does to them: `"stops web (no restart policy), db (unless-stopped)"`. */
export function restartEffect(containers: RunningContainer[], liveRestore: boolean): string {
  if (containers.length === 0) return "no container runs";
  if (liveRestore)
    return `${containers.length === 1 ? "1 container keeps" : `${containers.length} containers keep`} running (live-restore)`;
  const names = containers.map(({ name, restartPolicy }) =>
    restartPolicy === "no" ? `${name} (no restart policy)` : `${name} (${restartPolicy})`,
  );
  const shown = names.length > 12 ? [...names.slice(0, 11), `${names.length - 11} more`] : names;
  return `stops ${shown.join(", ")}`;
}
