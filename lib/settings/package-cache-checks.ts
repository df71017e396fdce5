import { bytesOf } from "./quantities.ts";
import type { RawSettings } from "./schema.ts";

type Settings = Pick<RawSettings, "buildCache" | "packageCache" | "registryCache">;

const key = "gpu-build-host:packageCache";

/** Squid keeps its cache in folders and needs some room to turn it over. */
const smallestStorage = 10e6;

/** The rules of `packageCache` that concern more than one setting. */
export function packageCacheProblems(settings: Settings): string[] {
  const { mode, keepVolume, pythonStorage, debianStorage, wheelStorage } = settings.packageCache;
  if (mode === "off") return [];
  const problems = portProblems(settings);
  if (mode === "external" && keepVolume)
    problems.push(
      `${key}.keepVolume has no meaning with mode external: the volume belongs to the cache's owner`,
    );
  for (const [name, value] of Object.entries({ pythonStorage, debianStorage, wheelStorage })) {
    if ((bytesOf(value) ?? 0) < smallestStorage)
      problems.push(`${key}.${name} must be at least 10MB, got ${value}; mode off runs no package cache`);
  }
  return problems;
}

function portProblems({ buildCache, packageCache, registryCache }: Settings): string[] {
  const { port, metricsPort, registries } = registryCache;
  const named: [string, number | undefined][] = [
    ["registryCache.port", port],
    ["registryCache.metricsPort", metricsPort],
    ...Object.entries(registries).map(([name, one]): [string, number] => [
      `registryCache.registries.${name}.port`,
      one.port,
    ]),
    ["buildCache.port", buildCache.port],
    ["packageCache.pythonPort", packageCache.pythonPort],
    ["packageCache.debianPort", packageCache.debianPort],
  ];
  return named.flatMap(([name, value], index) => {
    if (!name.startsWith("packageCache.") || value === undefined) return [];
    const earlier = named.slice(0, index).find(([, other]) => other === value);
    return [
      ...(earlier ? [`gpu-build-host:${name} must differ from ${earlier[0]}, got ${value} for both`] : []),
      ...(value < 1024
        ? [`gpu-build-host:${name} ${value} is below 1024: such ports need privileges; choose 1024 or above`]
        : []),
    ];
  });
}
