import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { BuildCacheRegistry } from "./components/build-cache-registry.ts";
import { CudaBase } from "./components/cuda-base.ts";
import { DockerDaemon } from "./components/docker-daemon.ts";
import { PackageCache } from "./components/package-cache.ts";
import { RegistryCache } from "./components/registry-cache.ts";
import { ServiceImage } from "./components/service-image.ts";
import { pinsOfStacks } from "./lib/cache-store/needed.ts";
import { desiredDocument } from "./lib/daemon/desired.ts";
import { checkHost } from "./lib/host/check-host.ts";
import { buildCacheOf } from "./lib/images/build-cache.ts";
import { neededText } from "./lib/images/needed.ts";
import { pinLines } from "./lib/images/pinned-versions.ts";
import { readyPackageCache } from "./lib/package-cache/ready.ts";
import { requireProxies } from "./lib/proxy/proxy.ts";
import { readyCaches } from "./lib/registry/cache-settings.ts";
import { settingsOfConfig } from "./lib/settings/load.ts";
import { bytesOf } from "./lib/settings/quantities.ts";
import { checkedPlan, previewOf } from "./lib/upgrade/look-ahead.ts";
import { CacheGuard, CacheLimit } from "./provider/sdk.ts";
import { shownPlainly } from "./provider/shown-plainly.ts";

// Everything is checked and every image's tag is known before anything is declared.
const { settings, plan, cacheImage, caches, packageCache } = await shownPlainly(async () => {
  const settings = settingsOfConfig(process.cwd(), pulumi.getStack(), pulumi.runtime.allConfig());
  requireProxies(settings.proxy);
  const isPreview = pulumi.runtime.isDryRun();
  const { planned, outlook } = await checkedPlan(settings, isPreview);
  const warnings = await checkHost(settings, planned);
  if (isPreview) {
    // Once: an update comes after its preview.
    const lines = await previewOf(outlook);
    for (const line of lines.info) await pulumi.log.info(line);
    for (const line of [...lines.warn, ...pinLines(settings.stack, planned.plan.all), ...warnings])
      await pulumi.log.warn(line);
  }
  return {
    settings,
    ...planned,
    caches: await readyCaches(settings, isPreview),
    packageCache: await readyPackageCache(settings, isPreview),
  };
});

const { stack, engine } = settings;
const ledgerDir = join(settings.stateDir, "daemon");
const engineProvider = new docker.Provider("engine", { host: engine.host });
const [cache, ...otherCaches] = caches.map(
  (wish) =>
    new RegistryCache(
      wish.registry ? `registry-cache-${wish.registry}` : "registry-cache",
      {
        ...wish,
        stack,
        dockerHost: engine.host,
        image: cacheImage,
        stateDir: settings.stateDir,
        manage: settings.dockerDaemon.manage,
      },
      { providers: [engineProvider] },
    ),
) as [RegistryCache, ...RegistryCache[]];
const daemon = new DockerDaemon(
  "docker-daemon",
  {
    ...settings.dockerDaemon,
    settings: desiredDocument(settings.dockerDaemon),
    stack,
    dockerHost: engine.host,
    registryMirrors: [cache.url],
    ledgerDir,
    cacheId: cache.id,
    cachePort: settings.registryCache.port,
    cacheImage,
  },
  { dependsOn: cache },
);

const buildCache = buildCacheOf(settings);
const { port: buildCachePort } = settings.buildCache;
const buildCacheRegistry =
  buildCache && buildCachePort !== undefined
    ? [
        new BuildCacheRegistry(
          "build-cache",
          {
            stack,
            dockerHost: engine.host,
            image: cacheImage,
            port: buildCachePort,
            memoryMiB: settings.registryCache.memoryMiB,
          },
          { providers: [engineProvider], dependsOn: cache },
        ),
      ]
    : [];

const before = [daemon, ...otherCaches, ...buildCacheRegistry];
const image = {
  stack,
  dockerHost: engine.host,
  stateDir: settings.stateDir,
  keep: settings.keepVersions,
  keepStorage: bytesOf(settings.keepStorage) ?? 0,
  needed: neededText(plan.all.map(({ reference }) => reference)),
  adoptTags: settings.adoptTags,
  requireGpu: settings.promote.requireGpu,
  idleMinutes: settings.build.idleMinutes,
  parallel: settings.build.parallel,
  buildCache,
};
const packages =
  packageCache && plan.packageCache
    ? new PackageCache(
        "package-cache",
        { ...packageCache, stack, stateDir: settings.stateDir, image: { ...image, plan: plan.packageCache } },
        { providers: [engineProvider], dependsOn: before },
      ).servers
    : [];
const needed = [...before, ...packages];
const base = new CudaBase(
  "cuda-base",
  { runtime: { ...image, plan: plan.runtime }, devel: { ...image, plan: plan.devel } },
  { dependsOn: needed },
);
const images: Record<string, pulumi.Resource> = { ...base.images };
for (const service of plan.services) {
  // Parents first: any image may be the base of another.
  const parents = service.parents.map((name) => images[name]).filter((parent) => parent !== undefined);
  images[service.name] = new ServiceImage(
    service.name,
    { ...image, plan: service },
    { dependsOn: [...needed, ...parents] },
  ).image;
}

const cacheLimit = bytesOf(settings.registryCache.maxSize ?? "");
if (settings.registryCache.mode === "own" && cacheLimit !== undefined)
  new CacheLimit(
    "registry-cache-limit",
    {
      stack,
      dockerHost: engine.host,
      caches: caches.map(({ registry, mode, bind, port }) => ({ registry, mode, bind, port })),
      limit: cacheLimit,
      pins: [...(await pinsOfStacks(settings.root)).names.keys()],
      // One that is pinned to an earlier version is never built.
      images: [
        cacheImage,
        ...plan.all.filter(({ mustExist }) => !mustExist).map(({ reference }) => reference),
      ],
    },
    { dependsOn: Object.values(images) },
  );

// It depends on everything, so destroy asks it first: a cache that other stacks use is not taken from them.
if (settings.registryCache.mode === "own")
  new CacheGuard(
    "registry-cache-guard",
    { stack, mirror: cache.url, ledgerDir },
    { dependsOn: Object.values(images) },
  );

export const registryCacheUrl = cache.url;
export const imageTags = Object.fromEntries(plan.all.map(({ name, tags }) => [name, tags]));
