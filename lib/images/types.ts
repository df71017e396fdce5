import type { PackageCacheUse } from "../package-cache/use.ts";
import type { ProxySettings } from "../proxy/proxy.ts";
import type { SecretSource } from "../secrets/source.ts";

/** How a freshly built image is tried before its friendly tags move to it. */
export interface SmokeTest {
  /** Command run in the image, e.g. `["python3", "/smoke-test/check.py"]`. */
  command: string[];
  /** Folder on this machine that the command finds, read-only, as `/smoke-test`. Absolute. */
  folder?: string;
  /** Seconds until the test counts as failed. */
  timeoutSeconds: number;
}

/** One image as the settings declare it: what `docker buildx build` would be told, and nothing computed. */
export interface ImageDefinition {
  /** Name in the stack, e.g. `"whisperx"` or `"cuda-base-runtime"`. Also the Pulumi resource's name. */
  name: string;
  /** Build context: absolute path of a folder. */
  context: string;
  /** Dockerfile: path relative to the context, or absolute. */
  dockerfile: string;
  /** Stage to build. Same as `docker build --target`. */
  target?: string;
  /** Build arguments on offer; only those that the Dockerfile declares by ARG are passed and hashed. */
  args: Record<string, string>;
  /** Further named contexts: absolute folder, or `docker-image://…`. Same as `--build-context`. */
  contexts: Record<string, string>;
  /** Build secrets by id. Same as `--secret`. */
  secrets: Record<string, SecretSource>;
  /** Proxies of RUN steps; in no hash, and a login in them is in no layer and no history. @default none */
  proxy?: ProxySettings;
  /** Caches of packages for RUN steps; in no hash and no cache key. @default none */
  packageCache?: PackageCacheUse;
  /** Network of RUN steps. Same as `docker build --network`. */
  network?: "default" | "host" | "none";
  /** Target platform. @default the engine's own */
  platform?: string;
  /** Friendly tags, e.g. `["cuda-base:runtime-12.8"]`; other Dockerfiles of the stack may name them in FROM. */
  tags: string[];
  smokeTest?: SmokeTest;
  /** Times a rebuild was forced (`npm run rebuild`): part of the hash. */
  rebuild: { count: number; noCache: boolean };
}

/** One image as it will be built: its identity is known before anything is built. */
export interface ImagePlan extends Omit<ImageDefinition, "tags"> {
  /** Hash reference, e.g. `"localhost:1/dev/whisperx:cu128-0123456789abcdef"`. */
  reference: string;
  /** Friendly tags as this stack publishes them (with its `variant`). */
  tags: string[];
  /** Names of the stack's images that this one builds on (FROM, COPY --from, RUN --mount from). */
  parents: string[];
  /** 16 hexadecimal digits over `parts`. */
  hash: string;
  /**
   * What the hash is made of, by readable keys, so that a diff says why: `"dockerfile"`, `"file app/main.py"`,
   * `"argument CUDA"`, `"parent cuda-base-runtime"`, `"external nvidia/cuda:…"`, `"target"`, `"platform"`, `"rebuild"`.
   */
  parts: Record<string, string>;
  /** Hash reference of the stack's image that FROM names: its layers must be the first ones of this image. */
  base?: string;
  /** Hash references that `base` stands on in turn, nearest first. */
  basesBelow?: string[];
  /** Set where `reference` is an earlier version to go back to: today's files would not give it, so it is never built. Goes without `base`. */
  mustExist?: boolean;
  /** Hash reference that today's files give; set where the image is pinned (`pinnedVersions`). */
  filesGive?: string;
  /** `--build-context NAME=docker-image://…` pins for parents and external images; in no hash. */
  pins: Record<string, string>;
}
