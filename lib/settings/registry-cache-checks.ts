import { isLoopback } from "../registry/cache-address.ts";
import type { RawSettings } from "./schema.ts";

type RegistryCache = RawSettings["registryCache"];

const key = "gpu-build-host:registryCache";

/** The rules of `registryCache` that concern more than one of its settings. */
export function registryCacheProblems(cache: RegistryCache): string[] {
  return [...exposureProblems(cache), ...externalProblems(cache), ...portProblems(cache)];
}

function exposureProblems({ bind, tls, login }: RegistryCache): string[] {
  const problems: string[] = [];
  if (!isLoopback(bind) && !tls)
    problems.push(
      `${key}.bind ${bind} exposes the cache to the network; set registryCache.tls or use 127.0.0.1`,
    );
  if (!isLoopback(bind) && login && !tls?.clientCa)
    problems.push(
      `${key}.login would let anyone who reaches ${bind} pull your private images; add registryCache.tls.clientCa`,
    );
  if (tls && Boolean(tls.clientCa) !== Boolean(tls.clientCertificate && tls.clientKey))
    problems.push(
      `${key}.tls.clientCa, clientCertificate and clientKey belong together: with clientCa this host's own engine must show a certificate, too`,
    );
  return problems;
}

function externalProblems({ mode, keepVolume, volume, maxSize, login, registries }: RegistryCache): string[] {
  if (mode !== "external") return [];
  const problems: string[] = [];
  for (const [name, value] of Object.entries({ keepVolume, volume, maxSize })) {
    if (value)
      problems.push(
        `${key}.${name} has no meaning with mode external: the volume belongs to the cache's owner`,
      );
  }
  if (login) problems.push(`${key}.login belongs into the stack that runs the cache (mode own)`);
  if (Object.keys(registries).length > 0)
    problems.push(`${key}.registries belongs into the stack that runs the cache (mode own)`);
  return problems;
}

function portProblems({ port, metricsPort, registries }: RegistryCache): string[] {
  const named: [string, number][] = [
    ["port", port],
    ...(metricsPort === undefined ? [] : [["metricsPort", metricsPort] as [string, number]]),
    ...Object.entries(registries).map(([name, registry]): [string, number] => [
      `registries.${name}.port`,
      registry.port,
    ]),
  ];
  return named.flatMap(([name, value], index) => {
    const earlier = named.slice(0, index).find(([, other]) => other === value);
    const problems = earlier
      ? [`${key}.${name} must differ from registryCache.${earlier[0]}, got ${value} for both`]
      : [];
    if (value < 1024)
      problems.push(
        `${key}.${name} ${value} is below 1024: such ports need privileges that the cache does not have; choose 1024 or above`,
      );
    return problems;
  });
}
