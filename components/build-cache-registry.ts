import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import { buildCacheName } from "../lib/registry/cache-name.ts";
import { processLimit, removeImageUnlessUsed } from "./registry-cache.ts";
import { healthCheck, user } from "./registry-cache-command.ts";

export interface BuildCacheRegistryArgs {
  /** Stack that owns it, e.g. `"dev"`; part of the names of container and volume. */
  stack: string;
  /** Engine that runs it, e.g. `"unix:///var/run/docker.sock"`; the docker provider's own host must be the same. */
  dockerHost: string;
  /** Registry image by digest, e.g. `"registry@sha256:…"`. */
  image: string;
  /** Port on 127.0.0.1, 1024–65535. */
  port: number;
  /** Memory limit in MiB. Same as `docker run --memory`. */
  memoryMiB: number;
}

/** A registry that builds push to: a pull-through cache refuses pushes. A container on loopback, and a volume for the steps. */
export class BuildCacheRegistry extends pulumi.ComponentResource {
  constructor(name: string, args: BuildCacheRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gpu-build-host:components:BuildCacheRegistry", name, {}, opts);

    const { stack, dockerHost, port } = args;
    const physicalName = buildCacheName(stack);
    const labels = [
      { label: "gpu-build-host.stack", value: stack },
      { label: "gpu-build-host.role", value: "build-cache" },
    ];
    const image = new docker.RemoteImage(
      `${name}-image`,
      { name: args.image, keepLocally: true }, // the removal below asks first who else runs it
      { parent: this },
    );
    const removal = new command.local.Command(
      `${name}-image-removal`,
      {
        delete: removeImageUnlessUsed,
        environment: { DOCKER_HOST: dockerHost, IMAGE: args.image },
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: image },
    );
    const steps = new docker.Volume(`${name}-steps`, { name: physicalName, labels }, { parent: this });
    const container = new docker.Container(
      `${name}-server`,
      {
        name: physicalName,
        image: args.image,
        labels,
        user: "0:0", // only until the volume is handed over: the registry itself runs as nobody
        entrypoints: ["/bin/sh", "-c"],
        command: [serverCommand(port)],
        networkMode: "host", // it listens on loopback itself: there is no login, so nobody else may reach it
        volumes: [{ volumeName: steps.name, containerPath: "/var/lib/registry" }],
        readOnly: true,
        tmpfs: { "/run/registry": "exec,mode=0755" },
        capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_SETGID", "CAP_SETUID"] },
        securityOpts: ["no-new-privileges"],
        memory: args.memoryMiB,
        memorySwap: args.memoryMiB,
        logDriver: "json-file",
        logOpts: { "max-file": "3", "max-size": "10m" },
        restart: "unless-stopped",
        healthcheck: healthCheck({ bind: "127.0.0.1", port }),
        wait: true,
        waitTimeout: 90,
      },
      {
        parent: this,
        dependsOn: [image, removal],
        // An update of these in place does nothing, and two containers cannot have one name and port.
        replaceOnChanges: ["healthcheck", "tmpfs"],
        deleteBeforeReplace: true,
      },
    );
    new command.local.Command(
      `${name}-limit`,
      {
        create: `docker update --pids-limit ${processLimit} "$CONTAINER" >/dev/null`,
        environment: { DOCKER_HOST: dockerHost, CONTAINER: physicalName },
        triggers: [container.id],
        addPreviousOutputInEnv: false,
      },
      { parent: this, deleteBeforeReplace: true },
    );
    this.registerOutputs({});
  }
}

/** Each start drops what no tag names any more: a build's tag moves, and the steps that it named before stay behind. */
function serverCommand(port: number): string {
  const config = stringify({
    version: 0.1,
    log: { accesslog: { disabled: true }, level: "info", formatter: "text" },
    storage: {
      filesystem: { rootdirectory: "/var/lib/registry" },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: true, age: "24h", interval: "1h", dryrun: false } },
    },
    http: { addr: `127.0.0.1:${port}` },
  });
  const file = "/run/registry/config.yml";
  // On an empty volume there is nothing to look through, which is an error to it.
  const drop = `/bin/registry garbage-collect --delete-untagged ${file} >/dev/null 2>&1 || true`;
  return `set -eu
cat > ${file} <<'CONFIG'
${config}CONFIG
chown -R ${user} /var/lib/registry
exec su -s /bin/sh ${user} -c '${drop}; exec /bin/registry serve ${file}'
`;
}
