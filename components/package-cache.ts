import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { cacheFolder, runFolder, wheelLoginInside } from "../lib/package-cache/nginx-config.ts";
import { packageCacheName } from "../lib/package-cache/name.ts";
import type { ReadyPackageCache } from "../lib/package-cache/ready.ts";
import { HostFolder, Image, type ImageArgs } from "../provider/sdk.ts";
import { fenced, fencedOptions } from "./fenced-container.ts";
import { fileRemoval } from "./file-removal.ts";
import { debianCommand, packageHealthCheck, pythonCommand } from "./package-cache-command.ts";
import { proxyFileInside } from "./registry-cache-command.ts";

export interface PackageCacheArgs extends ReadyPackageCache {
  /** Stack that owns it, e.g. `"dev"`; part of the names of containers and volume. */
  stack: string;
  /** Image with both programs. */
  image: ImageArgs;
  /** Folder below which the copy of the certificates lies, e.g. `"/var/lib/gpu-build-host"`. */
  stateDir: string;
}

const memoryMiB = 512;
const certificatesInside = "/etc/package-cache-ca";

/** Caches for the packages that builds fetch: one for Python, with a store of compiled wheels, one for Debian. */
export class PackageCache extends pulumi.ComponentResource {
  /** What images depend on that are built with it. */
  public readonly servers: pulumi.Resource[];

  constructor(name: string, args: PackageCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gpu-build-host:components:PackageCache", name, {}, opts);
    const parent = { parent: this };
    const { stack } = args;
    const image = new Image(args.image.plan.name, args.image, { ...parent, dependsOn: opts?.dependsOn });
    const volume = new docker.Volume(
      `${name}-packages`,
      { name: packageCacheName(stack), labels: [{ label: "gpu-build-host.stack", value: stack }] },
      { ...parent, retainOnDelete: args.keepVolume },
    );
    const folder = `${args.stateDir}/package-cache/${packageCacheName(stack)}`;
    const certificates =
      args.caBundle === undefined
        ? undefined
        : new HostFolder(
            `${name}-certificates`,
            {
              stack,
              dockerHost: "",
              folder,
              files: { "ca.pem": { copyOf: args.caBundle } },
              reader: "cache",
            },
            parent,
          );
    const python = this.server(`${name}-python`, "python", args, {
      volume,
      command: pythonCommand(
        {
          listen: args.python.listen,
          allow: args.allow,
          httpIndexes: args.python.httpIndexes,
          storage: args.python.storage,
          ca: certificates ? `${certificatesInside}/ca.pem` : "/etc/ssl/certs/ca-certificates.crt",
        },
        args.wheelStorage,
        args.fingerprint,
      ),
      mounts: { [wheelLoginInside]: args.wheelLogin, ...(certificates && { [certificatesInside]: folder }) },
      dependsOn: [
        image,
        ...(certificates ? [certificates] : []),
        fileRemoval(`${name}-login`, args.wheelLogin, this),
      ],
    });
    const proxyFile = args.proxy && "file" in args.proxy ? args.proxy.file : undefined;
    const debian = this.server(`${name}-debian`, "debian", args, {
      volume,
      command: debianCommand({ ...args.debian, allow: args.allow }, args.proxy),
      mounts: { ...(proxyFile && { [proxyFileInside]: proxyFile }) },
      // After the other: two containers made at once fill a new volume at once, and the engine refuses one ("file exists").
      dependsOn: [image, python, ...(proxyFile ? [fileRemoval(`${name}-proxy-file`, proxyFile, this)] : [])],
    });
    this.servers = [python, debian];
    this.registerOutputs({});
  }

  private server(
    name: string,
    kind: "python" | "debian",
    args: PackageCacheArgs,
    own: {
      volume: docker.Volume;
      command: string;
      mounts: Record<string, string>;
      dependsOn: pulumi.Resource[];
    },
  ): docker.Container {
    const { port } = args[kind];
    const { stack } = args;
    return new docker.Container(
      name,
      {
        ...fenced(memoryMiB),
        name: packageCacheName(stack, kind),
        image: args.image.plan.reference,
        labels: [
          { label: "gpu-build-host.stack", value: stack },
          { label: "gpu-build-host.role", value: "package-cache" },
          { label: "gpu-build-host.port", value: String(port) },
        ],
        command: [own.command],
        volumes: [
          { volumeName: own.volume.name, containerPath: cacheFolder },
          ...Object.entries(own.mounts).map(([containerPath, hostPath]) => ({
            hostPath,
            containerPath,
            readOnly: true,
          })),
        ],
        tmpfs: { [runFolder]: "mode=1777" },
        capabilities: { drops: ["ALL"] },
        healthcheck: packageHealthCheck(kind, port),
      },
      { parent: this, dependsOn: own.dependsOn, ...fencedOptions },
    );
  }
}
