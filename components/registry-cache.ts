import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { CacheProxy } from "../lib/proxy/cache-proxy.ts";
import { CERTS_FOLDER } from "../lib/daemon/engine-root.ts";
import type { FileSource } from "../lib/host/host-folder.ts";
import { cacheAddress, cacheUrl } from "../lib/registry/cache-address.ts";
import type { CacheLogin } from "../lib/registry/cache-login.ts";
import { cacheName } from "../lib/registry/cache-name.ts";
import type { CacheTls } from "../lib/registry/certificate.ts";
import { hostsToml } from "../lib/registry/hosts-toml.ts";
import { HostFolder } from "../provider/sdk.ts";
import { fileRemoval } from "./file-removal.ts";
import {
  cacheCommand,
  healthCheck,
  proxyFileInside,
  secretFiles,
  secretsFolder,
  type CacheConfig,
} from "./registry-cache-command.ts";
import { registryServer } from "./registry-server.ts";

export interface RegistryCacheArgs {
  /** Stack that owns the cache, e.g. `"dev"`; part of the names of container and volume. */
  stack: string;
  /** Registry that it is for, where that is not Docker Hub, e.g. `"nvcr.io"`; part of the same names. */
  registry?: string | undefined;
  /** Engine that runs the cache, e.g. `"unix:///var/run/docker.sock"`; the docker provider's own host must be the same. */
  dockerHost: string;
  /** `"own"`: this stack runs the cache. `"external"`: another one does, and nothing is created. */
  mode: "own" | "external";
  /** Registry image by digest, e.g. `"registry@sha256:…"`. */
  image: string;
  /** Registry to mirror, e.g. `"https://registry-1.docker.io"`; dockerd mirrors only Docker Hub. */
  upstream: string;
  /** Login at the upstream. @default none */
  login?: CacheLogin | undefined;
  /** IP address to listen on. @default "127.0.0.1" */
  bind?: string | undefined;
  /** Port on it, 1024–65535. */
  port: number;
  /** PEM files; with them it speaks HTTPS. `fingerprint` changes with the certificates. @default HTTP */
  tls?: (CacheTls & { fingerprint: string }) | undefined;
  /** Port on 127.0.0.1 for metrics. @default none are served */
  metricsPort?: number | undefined;
  /** Time a cached layer lives, as a Go duration, e.g. `"168h"`; `"0s"` keeps layers forever. */
  ttl: string;
  /** Memory limit in MiB. Same as `docker run --memory`. */
  memoryMiB: number;
  /** An existing volume with layers, which is not this stack's: kept on destroy. @default a volume of its own */
  volume?: string | undefined;
  /** Keep the cached layers on destroy. @default false */
  keepVolume?: boolean;
  /** Folder below which the container's key and login lie, e.g. `"/var/lib/gpu-build-host"`. */
  stateDir: string;
  /** How the engine is told of the cache's certificate or, for another registry than Docker Hub, of the cache itself. */
  manage: "apply" | "print" | "off";
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

/** A pull-through cache for one registry: a container, and a volume for the layers it keeps. */
export class RegistryCache extends pulumi.ComponentResource {
  /** URL for `registry-mirrors` in daemon.json, e.g. `"http://127.0.0.1:5000"`. */
  public readonly url: string;
  /** Changes when the cache is another container. */
  public readonly id: pulumi.Output<string>;

  constructor(name: string, args: RegistryCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gpu-build-host:components:RegistryCache", name, {}, opts);

    this.url = cacheUrl(args);
    this.id = args.mode === "own" ? this.run(name, args) : pulumi.output(this.url);
    this.registerOutputs({ url: this.url });
  }

  private run(name: string, args: RegistryCacheArgs): pulumi.Output<string> {
    const { stack, dockerHost, tls, login } = args;
    const physicalName = cacheName(stack, args.registry);
    const labels = cacheLabels(stack, args.port);
    const config: CacheConfig = {
      ...args,
      bind: args.bind ?? "127.0.0.1",
      tls: tls && { fingerprint: tls.fingerprint, clientCa: tls.clientCa !== undefined },
      hasLogin: login !== undefined,
    };
    const layers = args.volume
      ? { name: args.volume }
      : new docker.Volume(
          `${name}-layers`,
          { name: physicalName, labels: labels.filter(({ label }) => label !== "gpu-build-host.port") },
          { parent: this, retainOnDelete: args.keepVolume ?? false },
        );
    const secrets = secretsOf(args);
    const secretsOnHost = `${args.stateDir}/registry-cache/${physicalName}`;
    const secretsResource =
      Object.keys(secrets).length > 0
        ? new HostFolder(
            `${name}-secrets`,
            { stack, dockerHost: "", folder: secretsOnHost, files: secrets, reader: "cache" },
            { parent: this },
          )
        : undefined;
    const proxyFile = args.proxy && "file" in args.proxy ? args.proxy.file : undefined;
    const container = registryServer(
      name,
      {
        container: physicalName,
        labels,
        dockerHost,
        image: args.image,
        command: cacheCommand(config),
        volume: layers.name,
        mounts: [
          ...(secretsResource ? [{ hostPath: secretsOnHost, containerPath: secretsFolder }] : []),
          ...(proxyFile ? [{ hostPath: proxyFile, containerPath: proxyFileInside }] : []),
        ],
        healthcheck: healthCheck(config),
        memoryMiB: args.memoryMiB,
        dependsOn: [
          ...(secretsResource ? [secretsResource] : []),
          ...(proxyFile ? [fileRemoval(`${name}-proxy-file`, proxyFile, this)] : []),
        ],
      },
      this,
    );
    this.tellEngine(name, args, container);
    return container.id;
  }

  /** dockerd's own files about a registry: what it needs beside daemon.json. */
  private tellEngine(name: string, args: RegistryCacheArgs, container: pulumi.Resource): void {
    const { stack, dockerHost, registry, tls } = args;
    if (args.manage !== "apply" || (!registry && !tls)) return;
    new HostFolder(
      `${name}-engine`,
      registry
        ? {
            stack,
            dockerHost,
            folder: `${CERTS_FOLDER}/${registry}`,
            files: { "hosts.toml": { text: hostsToml(registry, this.url) } },
            reader: "everyone",
          }
        : {
            stack,
            dockerHost,
            folder: `${CERTS_FOLDER}/${cacheAddress(args)}`,
            files: clientFiles(tls!),
            reader: "everyone",
          },
      // The cache has to answer before the engine is sent to it, and must not be taken away under it.
      { parent: this, dependsOn: container },
    );
  }
}

/** What only the registry's user in its container may read. */
function secretsOf({ tls, login, upstream }: RegistryCacheArgs): Record<string, FileSource> {
  return {
    ...(tls && {
      [secretFiles.certificate]: { copyOf: tls.certificate },
      [secretFiles.key]: { copyOf: tls.key },
      ...(tls.clientCa && { [secretFiles.clientCa]: { copyOf: tls.clientCa } }),
    }),
    ...(login && { [secretFiles.login]: { login, server: upstream } }),
  };
}

/** What this host's engine needs to trust the cache, and to be let in. */
function clientFiles(tls: CacheTls): Record<string, FileSource> {
  return {
    "ca.crt": { copyOf: tls.ca ?? tls.certificate },
    ...(tls.clientCertificate && { "client.cert": { copyOf: tls.clientCertificate } }),
    ...(tls.clientKey && { "client.key": { copyOf: tls.clientKey, isSecret: true } }),
  };
}
