import { isAbsolute, join } from "node:path";
import { packageCacheUse } from "../package-cache/use.ts";
import { hasProxy } from "../proxy/proxy.ts";
import type { Settings } from "../settings/settings.ts";
import type { SecretSource } from "../secrets/source.ts";
import type { ImageDefinition } from "./types.ts";

/** `"cu128"` for CUDA 12.8: the ending of friendly tags and of PyTorch's index. */
export function cudaShortName(cuda: string): string {
  return `cu${cuda.replace(".", "")}`;
}

/** Folder of `cuda-base/locks/` that fits the settings, e.g. `"torch2.7.1-cu128-py310"`. */
export function lockName(base: Settings["cudaBase"]): string {
  return `torch${base.torch}-${cudaShortName(base.cuda)}-py${base.python.replace(".", "")}`;
}

/** Every image of the stack as the settings declare it: the two bases, then the services. */
export function imageDefinitions(settings: Settings): ImageDefinition[] {
  return [
    ...baseDefinitions(settings),
    ...Object.entries(settings.services).map(([name, service]) => serviceDefinition(settings, name, service)),
  ];
}

/** The image of the stack's own package cache; undefined where there is none. It is built without the cache. */
export function packageCacheDefinition(settings: Settings): ImageDefinition | undefined {
  if (settings.packageCache.mode !== "own") return undefined;
  const { packageCache: _, ...rest } = common(settings, "package-cache");
  return {
    ...rest,
    context: join(settings.root, "package-cache"),
    dockerfile: "Dockerfile",
    args: commonArgs(settings),
    contexts: {},
    secrets: certificates(settings),
    tags: [`package-cache:${settings.stack}`],
  };
}

function baseDefinitions(settings: Settings): ImageDefinition[] {
  return ["runtime", "devel"].map((kind) => ({
    ...common(settings, `cuda-base-${kind}`),
    context: join(settings.root, "cuda-base"),
    dockerfile: `Dockerfile.${kind}`,
    args: commonArgs(settings),
    contexts: {},
    secrets: { ...certificates(settings), ...(kind === "runtime" && packageIndexLogin(settings)) },
    tags: [`cuda-base:${kind}-${settings.cudaBase.cuda}`],
    smokeTest: {
      command: ["python3", "/smoke-test/check.py", kind],
      folder: join(settings.root, "cuda-base", "smoke-test"),
      timeoutSeconds: 600,
    },
  }));
}

function serviceDefinition(
  settings: Settings,
  name: string,
  service: Settings["services"][string],
): ImageDefinition {
  const args = Object.fromEntries(Object.entries(service.args).map(([key, value]) => [key, String(value)]));
  const { smokeTest } = service;
  return {
    ...common(settings, name),
    context: inProject(settings, service.context),
    dockerfile: service.dockerfile,
    ...(service.target && { target: service.target }),
    args: { ...commonArgs(settings), ...args },
    contexts: mapValues(service.contexts, (value) =>
      /^[a-z-]+:\/\//.test(value) ? value : inProject(settings, value),
    ),
    secrets: {
      ...certificates(settings),
      ...mapValues(service.secrets, (source) => absoluteSource(settings, source)),
    },
    ...(service.network && { network: service.network }),
    tags: service.tags ?? [`${name}:${cudaShortName(settings.cudaBase.cuda)}`],
    ...(smokeTest && {
      smokeTest: { ...smokeTest, ...(smokeTest.folder && { folder: inProject(settings, smokeTest.folder) }) },
    }),
  };
}

/** Build arguments on offer to every Dockerfile; an image takes only those that its Dockerfile declares. */
function commonArgs(settings: Settings): Record<string, string> {
  const base = settings.cudaBase;
  return {
    CUDA: base.cuda,
    CUDA_BASE: base.image,
    LOCK: lockName(base),
    PACKAGE_INDEX: base.packageIndex ?? "",
    PYTHON: base.python,
    TORCH: base.torch,
    TORCH_CUDA_ARCH_LIST: base.cudaArchitectures.join(";"),
  };
}

function common(settings: Settings, name: string) {
  const packageCache = packageCacheUse(settings);
  return {
    name,
    network: settings.engine.network,
    rebuild: settings.rebuilds[name] ?? { count: 0, noCache: false },
    ...(hasProxy(settings.proxy) && { proxy: settings.proxy }),
    ...(packageCache && { packageCache }),
  };
}

function packageIndexLogin(settings: Settings): Record<string, SecretSource> {
  const source = settings.cudaBase.packageIndexSecret;
  return source ? { "package-index": absoluteSource(settings, source) } : {};
}

function certificates(settings: Settings): Record<string, SecretSource> {
  const file = settings.build.caBundle;
  return file ? { ca: { file: inProject(settings, file) } } : {};
}

function absoluteSource(settings: Settings, source: SecretSource): SecretSource {
  return "file" in source ? { file: inProject(settings, source.file) } : source;
}

function inProject(settings: Settings, path: string): string {
  return isAbsolute(path) ? path : join(settings.root, path);
}

function mapValues<A, B>(record: Record<string, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
