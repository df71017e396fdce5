import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { CacheProxy } from "../lib/proxy/cache-proxy.ts";
import { cacheCommand, healthCheck, proxyFileInside } from "./registry-cache-command.ts";

export interface RegistryCacheArgs {
  /** Stack that owns the cache, e.g. `"dev"`; part of the names of container and volume. */
  stack: string;
  /** Engine that runs the cache, e.g. `"unix:///var/run/docker.sock"`; the docker provider's own host must be the same. */
  dockerHost: string;
  /** `"own"`: this stack runs the cache. `"external"`: another one does, and nothing is created. */
  mode: "own" | "external";
  /** Registry image by digest, e.g. `"registry@sha256:…"`. */
  image: string;
  /** Registry to mirror, e.g. `"https://registry-1.docker.io"`; dockerd mirrors only Docker Hub. */
  upstream: string;
  /** Port on 127.0.0.1, 1–65535. */
  port: number;
  /** Port on 127.0.0.1 for metrics. @default none are served */
  metricsPort?: number | undefined;
  /** Time a cached layer lives, as a Go duration, e.g. `"168h"`; `"0s"` keeps layers forever. */
  ttl: string;
  /** Memory limit in MiB. Same as `docker run --memory`. @default no limit */
  memoryMiB?: number | undefined;
  /** An existing volume with layers, which is not this stack's: kept on destroy. @default a volume of its own */
  volume?: string | undefined;
  /** Keep the cached layers on destroy. @default false */
  keepVolume?: boolean;
  /** How it reaches its upstream. @default without a proxy */
  proxy?: CacheProxy | undefined;
}

/** Labels by which wrapper, destroy and doctor find what belongs to a stack. */
export function cacheLabels(stack: string, port: number): { label: string; value: string }[] {
  return [
    { label: "gpu-build-host.stack", value: stack },
    { label: "gpu-build-host.role", value: "registry-cache" },
    { label: "gpu-build-host.port", value: String(port) },
  ];
}

/** On destroy, after the container: another stack on this host may run the same image, and then keeps it. */
const removeImageUnlessUsed = `test -n "$(docker ps --all --quiet --filter "ancestor=$IMAGE")" || docker image rm "$IMAGE" >/dev/null || true`;

/** A pull-through cache for Docker Hub: a container, and a volume for the layers it keeps. */
export class RegistryCache extends pulumi.ComponentResource {
  /** URL for `registry-mirrors` in daemon.json, e.g. `"http://127.0.0.1:5000"`. */
  public readonly url: string;
  /** Changes when the cache is another container. */
  public readonly id: pulumi.Output<string>;

  constructor(name: string, args: RegistryCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gpu-build-host:components:RegistryCache", name, {}, opts);

    this.url = `http://127.0.0.1:${args.port}`;
    this.id = args.mode === "own" ? this.run(name, args) : pulumi.output(this.url);
    this.registerOutputs({ url: this.url });
  }

  private run(name: string, args: RegistryCacheArgs): pulumi.Output<string> {
    const physicalName = `gpu-build-host-${args.stack}-registry-cache`;
    const labels = cacheLabels(args.stack, args.port);
    const image = new docker.RemoteImage(
      `${name}-image`,
      { name: args.image, keepLocally: true }, // the removal below asks first who else runs it
      { parent: this },
    );
    const removal = new command.local.Command(
      `${name}-image-removal`,
      {
        delete: removeImageUnlessUsed,
        environment: { DOCKER_HOST: args.dockerHost, IMAGE: args.image },
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: image },
    );
    const layers = args.volume
      ? { name: args.volume }
      : new docker.Volume(
          `${name}-layers`,
          { name: physicalName, labels: labels.filter(({ label }) => label !== "gpu-build-host.port") },
          { parent: this, retainOnDelete: args.keepVolume ?? false },
        );
    const proxyFile = args.proxy && "file" in args.proxy ? args.proxy.file : undefined;
    const secretFiles = proxyFile ? [this.fileRemoval(`${name}-proxy-file`, proxyFile)] : [];
    const container = new docker.Container(
      `${name}-server`,
      {
        name: physicalName,
        image: args.image,
        labels,
        user: "0:0", // only until the volume is handed over: the registry itself runs as nobody
        entrypoints: ["/bin/sh", "-c"],
        command: [cacheCommand(args)],
        networkMode: "host", // it listens on loopback itself: a published port can be reached from the LAN before Engine 28
        volumes: [
          { volumeName: layers.name, containerPath: "/var/lib/registry" },
          ...(proxyFile ? [{ hostPath: proxyFile, containerPath: proxyFileInside, readOnly: true }] : []),
        ],
        readOnly: true,
        tmpfs: { "/run/registry": "exec,mode=0755" },
        capabilities: { drops: ["ALL"], adds: ["CAP_CHOWN", "CAP_SETGID", "CAP_SETUID"] },
        securityOpts: ["no-new-privileges"],
        ...(args.memoryMiB && { memory: args.memoryMiB, memorySwap: args.memoryMiB }),
        logDriver: "json-file",
        logOpts: { "max-file": "3", "max-size": "10m" },
        restart: "unless-stopped",
        healthcheck: healthCheck(args.port),
        wait: true,
        waitTimeout: 90,
      },
      {
        parent: this,
        dependsOn: [image, removal, ...secretFiles], // so that the removals come after the container's
        // An update of these in place does nothing, and two containers cannot have one name and port.
        replaceOnChanges: ["healthcheck", "tmpfs"],
        deleteBeforeReplace: true,
      },
    );
    return container.id;
  }

  /** Removes a file with a secret when the container of it is gone: on destroy, or when another file takes its place. */
  private fileRemoval(name: string, file: string): command.local.Command {
    return new command.local.Command(
      name,
      {
        delete: `rm -f "$FILE" && rmdir "$(dirname "$FILE")" 2>/dev/null || true`,
        environment: { FILE: file },
        triggers: [file],
        addPreviousOutputInEnv: false,
      },
      { parent: this },
    );
  }
}
