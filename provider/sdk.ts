import * as pulumi from "@pulumi/pulumi";
import type { CacheIdentity } from "../lib/cache-store/engine-volume.ts";
import type { HostFolder as HostFolderFiles } from "../lib/host/host-folder.ts";
import type { BuildCache } from "../lib/images/build-cache.ts";
import type { ImagePlan } from "../lib/images/types.ts";

/** Inputs of {@link DaemonConfig}: plain known values, since unknown ones reach a provider's check as a marker. */
export interface DaemonConfigArgs {
  /** Stack that claims the entries, e.g. `"dev"`. */
  stack: string;
  /** Engine whose daemon.json is meant, e.g. `"unix:///var/run/docker.sock"`. */
  dockerHost: string;
  /** Mirrors that stand first in `registry-mirrors`, e.g. `["http://127.0.0.1:5000"]`. */
  registryMirrors: string[];
  /** `"apply"` edits daemon.json, `"print"` says what to edit, `"off"` leaves it alone. */
  manage: "apply" | "print" | "off";
  /** Folder of the ledger that says whose each entry is. */
  ledgerDir: string;
  /** Further keys in Docker's own spelling, e.g. `{ "live-restore": true }`. @default none */
  settings?: Record<string, unknown>;
  /** Restart dockerd where a reload is not enough. @default false */
  allowRestart?: boolean;
  /** What to do about a value of somebody else's. @default "stop" */
  onConflict?: "stop" | "override";
}

/** Our keys in the daemon.json of a Docker Engine; everybody else's keys stay as they are. */
export class DaemonConfig extends pulumi.CustomResource {
  constructor(name: string, args: DaemonConfigArgs, opts?: pulumi.CustomResourceOptions) {
    super("gpubuild:index:DaemonConfig", name, { ...args }, opts);
  }
}

/** Inputs of {@link Image}. */
export interface ImageArgs {
  stack: string;
  dockerHost: string;
  /** Folder for the build history. */
  stateDir: string;
  /** Versions that stay for going back. */
  keep: number;
  /** Bytes that all former versions of the stack may take beside the current ones. */
  keepStorage: number;
  /** Versions of all images that the stack wants now, see `neededText`. */
  needed: string;
  /** Let friendly tags move off images that this program did not build. */
  adoptTags: boolean;
  /** Let friendly tags move only to images whose smoke test had a GPU. */
  requireGpu: boolean;
  /** Minutes without progress until the build is stopped. */
  idleMinutes: number;
  /** Builds that work side by side. @default what the machine has room for */
  parallel?: number | undefined;
  /** Where build steps are kept outside of the engine. @default nowhere */
  buildCache?: BuildCache | undefined;
  plan: ImagePlan;
}

/** A container image on the engine, named by a hash of everything that goes into it, with friendly tags on top. */
export class Image extends pulumi.CustomResource {
  constructor(name: string, args: ImageArgs, opts?: pulumi.CustomResourceOptions) {
    const { reference, tags, hash, parts, smokeTest, filesGive: _, ...build } = args.plan;
    super(
      "gpubuild:index:Image",
      name,
      {
        stack: args.stack,
        dockerHost: args.dockerHost,
        stateDir: args.stateDir,
        keep: args.keep,
        keepStorage: args.keepStorage,
        needed: args.needed,
        adoptTags: args.adoptTags,
        requireGpu: args.requireGpu,
        idleMinutes: args.idleMinutes,
        parallel: args.parallel,
        buildCache: args.buildCache,
        reference,
        tags,
        hash,
        parts,
        smokeTest,
        build,
      },
      opts,
    );
  }
}

/** Inputs of {@link CacheGuard}. */
export interface CacheGuardArgs {
  /** Stack that owns the cache. */
  stack: string;
  /** The cache as daemon.json names it, e.g. `"http://127.0.0.1:5000"`. */
  mirror: string;
  /** Folder of the ledger that says who uses the cache. */
  ledgerDir: string;
}

/** Depends on everything, so it is deleted first: refuses while another stack uses this stack's cache. */
export class CacheGuard extends pulumi.CustomResource {
  constructor(name: string, args: CacheGuardArgs, opts?: pulumi.CustomResourceOptions) {
    super("gpubuild:index:CacheGuard", name, { ...args }, opts);
  }
}

/** Inputs of {@link CacheLimit}. */
export interface CacheLimitArgs {
  /** Stack that owns the caches. */
  stack: string;
  dockerHost: string;
  caches: CacheIdentity[];
  /** Bytes that all of them together may take. */
  limit: number;
  /** Images that stay whatever the limit is, as `host/repository@digest`. */
  pins: string[];
  /** Images that the stack builds, by hash reference, and that it runs, by digest: a new one may fill the caches. */
  images: string[];
}

/** Depends on the images: when they have been built, the caches are brought back within their limit. */
export class CacheLimit extends pulumi.CustomResource {
  constructor(name: string, args: CacheLimitArgs, opts?: pulumi.CustomResourceOptions) {
    super("gpubuild:index:CacheLimit", name, { ...args }, opts);
  }
}

/** Inputs of {@link HostFolder}. */
export interface HostFolderArgs extends HostFolderFiles {
  /** Engine whose view of the file system is meant; empty for this host's own. */
  dockerHost: string;
}

/** Files of ours in a folder of this host: certificates and `hosts.toml` for the engine, keys and logins for a cache. */
export class HostFolder extends pulumi.CustomResource {
  constructor(name: string, args: HostFolderArgs, opts?: pulumi.CustomResourceOptions) {
    super("gpubuild:index:HostFolder", name, { ...args }, opts);
  }
}
