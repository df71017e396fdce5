import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { fenced, fencedOptions } from "./fenced-container.ts";

export interface RegistryServerArgs {
  /** Name of the container. */
  container: string;
  labels: { label: string; value: string }[];
  /** Engine that runs it; the docker provider's own host must be the same. */
  dockerHost: string;
  /** Registry image by digest, e.g. `"registry@sha256:…"`. */
  image: string;
  /** Shell script that hands the volume over to the registry's user and starts the registry. */
  command: string;
  /** Name of the volume for what it keeps. */
  volume: pulumi.Input<string>;
  /** Further mounts, all read-only. */
  mounts?: { hostPath: string; containerPath: string }[];
  healthcheck: docker.types.input.ContainerHealthcheck;
  /** Memory limit in MiB. Same as `docker run --memory`. */
  memoryMiB: number;
  /** What has to be there before it, and goes after it. */
  dependsOn?: pulumi.Resource[];
}

/** On destroy, after the container: another stack on this host may run the same image, and then keeps it. */
const removeImageUnlessUsed = `test -n "$(docker ps --all --quiet --filter "ancestor=$IMAGE")" || docker image rm "$IMAGE" >/dev/null || true`;

/** Threads and processes of a registry: a few dozen are usual. @pulumi/docker has no setting for it. */
const processLimit = 512;

/** The registry's image, and its container over a volume. */
export function registryServer(
  name: string,
  args: RegistryServerArgs,
  parent: pulumi.Resource,
): docker.Container {
  const { dockerHost } = args;
  const image = new docker.RemoteImage(
    `${name}-image`,
    { name: args.image, keepLocally: true }, // the removal below asks first who else runs it
    { parent },
  );
  const removal = new command.local.Command(
    `${name}-image-removal`,
    {
      delete: removeImageUnlessUsed,
      environment: { DOCKER_HOST: dockerHost, IMAGE: args.image },
      addPreviousOutputInEnv: false,
    },
    { parent, dependsOn: image },
  );
  const container = new docker.Container(
    `${name}-server`,
    {
      ...fenced(args.memoryMiB),
      name: args.container,
      image: args.image,
      labels: args.labels,
      user: "0:0", // only until the volume is handed over: the registry itself runs as nobody
      command: [args.command],
      volumes: [
        { volumeName: args.volume, containerPath: "/var/lib/registry" },
        ...(args.mounts ?? []).map((mount) => ({ ...mount, readOnly: true })),
      ],
      tmpfs: { "/run/registry": "exec,mode=0755" },
      capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_SETGID", "CAP_SETUID"] },
      healthcheck: args.healthcheck,
    },
    { parent, dependsOn: [image, removal, ...(args.dependsOn ?? [])], ...fencedOptions },
  );
  new command.local.Command(
    `${name}-limit`,
    {
      create: `docker update --pids-limit ${processLimit} "$CONTAINER" >/dev/null`,
      environment: { DOCKER_HOST: dockerHost, CONTAINER: args.container },
      triggers: [container.id],
      addPreviousOutputInEnv: false,
    },
    { parent, deleteBeforeReplace: true },
  );
  return container;
}
