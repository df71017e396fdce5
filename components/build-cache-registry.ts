import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import { buildCacheName } from "../lib/registry/cache-name.ts";
import { healthCheck, user } from "./registry-cache-command.ts";
import { registryServer } from "./registry-server.ts";

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
    const steps = new docker.Volume(`${name}-steps`, { name: physicalName, labels }, { parent: this });
    registryServer(
      name,
      {
        container: physicalName,
        labels,
        dockerHost,
        image: args.image,
        command: serverCommand(port),
        volume: steps.name,
        healthcheck: healthCheck({ bind: "127.0.0.1", port }),
        memoryMiB: args.memoryMiB,
      },
      this,
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
