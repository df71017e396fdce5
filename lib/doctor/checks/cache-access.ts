import { CERTS_FOLDER, engineRoot } from "../../daemon/engine-root.ts";
import { foreignFiles } from "../../host/host-folder.ts";
import { portHolder } from "../../host/port-holder.ts";
import { loginProblem } from "../../registry/cache-login.ts";
import { cachesOf, type CacheSettings } from "../../registry/cache-settings.ts";
import { tlsProblems, tlsWarnings } from "../../registry/certificate.ts";
import { setCommand } from "../../settings/commands.ts";
import { askCache } from "../cache-facts.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";

/** First engine that reads hosts.toml. */
const hostsTomlEngine = 28;

/** Who may use a cache, what it logs in with, and the caches of registries other than Docker Hub. */
export const cacheAccessChecks: CheckDefinition[] = [
  {
    id: "cache.tls",
    what: "The PEM files of `registryCache.tls`.",
    fails:
      "one is missing, does not parse, has expired, is not for the address, or does not fit the others: the registry would die with a trace",
    warns: "a private key can be read by others",
    run: ({ settings }) => {
      const { mode, tls, bind } = settings.registryCache;
      if (!tls || mode !== "own") return skip("the cache speaks plain HTTP, on loopback only");
      const problems = tlsProblems(tls, bind);
      if (problems.length > 0) return fail(problems.join("; "));
      const warnings = tlsWarnings(tls);
      return warnings.length > 0
        ? warn(warnings.map(({ line }) => line).join("; "), warnings.map(({ fix }) => fix).join("; "))
        : ok(`${tls.certificate} is for ${bind}`);
    },
  },
  {
    id: "cache.login",
    what: "The password of each `login` at an upstream registry: whether it can be read, not whether it is right.",
    fails: "its variable or file is not set, empty, or cannot be read",
    run: ({ settings }) => {
      const caches = cachesOf(settings).filter(({ mode, login }) => mode === "own" && login);
      const problems = caches
        .map((cache) => loginProblem(`gpu-build-host:${keyOf(cache)}.login`, cache.login!))
        .filter((problem) => problem !== undefined);
      if (problems.length > 0) return fail(problems.join("; "));
      return caches.length > 0 ? ok("every password can be read") : skip("no login is set");
    },
  },
  {
    id: "cache.registries",
    what: "The caches of `registryCache.registries`: engine, ports, volumes, and hosts.toml files of others.",
    fails: `the engine is older than ${hostsTomlEngine} and would never ask them; a port, volume or file is somebody else's`,
    run: judgeRegistries,
  },
];

async function judgeRegistries(facts: Facts): Promise<Outcome> {
  const { settings } = facts;
  const caches = cachesOf(settings).filter(({ registry, mode }) => registry && mode === "own");
  if (caches.length === 0) return skip("there are none");
  const engine = await facts.engine();
  if (isUnknown(engine)) return skip("the engine does not answer");
  const names = caches.map(({ registry }) => registry).join(", ");
  if (Number.parseInt(engine.version, 10) < hostsTomlEngine)
    return fail(
      `registryCache.registries needs Engine ${hostsTomlEngine}; this one is ${engine.version}: it reads no hosts.toml, so it would never ask a cache of ${names}`,
      "Upgrade the engine, or take registries out",
    );
  const problems = (await Promise.all(caches.map((cache) => problemsOf(facts, cache)))).flat();
  if (problems.length > 0) return fail(problems.join("; "));
  return ok(`nothing stands in the way of ${names}`);
}

async function problemsOf({ settings }: Facts, cache: CacheSettings): Promise<string[]> {
  const { name, container, volumeStack } = await askCache(settings, 10_000, cache.registry);
  const isServed = container?.running === true && container.port === String(cache.port);
  const holder = isServed ? undefined : await portHolder(cache.port, cache.bind);
  const isForeign = volumeStack !== undefined && volumeStack !== settings.stack;
  return [
    ...(holder
      ? [
          `Port ${cache.port} on ${cache.bind} is taken by ${holder}: ${setCommand(settings.stack, `${keyOf(cache)}.port`, "PORT")}`,
        ]
      : []),
    ...(isForeign
      ? [`The volume ${name} exists and is not of the stack ${settings.stack}: docker volume rm ${name}`]
      : []),
    ...(await foreignHostsToml(settings, cache.registry!)),
  ];
}

async function foreignHostsToml(
  { stack, engine, dockerDaemon }: Facts["settings"],
  registry: string,
): Promise<string[]> {
  if (dockerDaemon.manage !== "apply") return [];
  const folder = `${CERTS_FOLDER}/${registry}`;
  const files = { "hosts.toml": { text: "" } };
  return foreignFiles({ stack, folder, files, reader: "everyone" }, await engineRoot(engine.host));
}

function keyOf({ registry }: CacheSettings): string {
  return registry ? `registryCache.registries["${registry}"]` : "registryCache";
}
