import { named, otherCaches, waysToAdopt, type OtherCache } from "../../host/other-cache.ts";
import { hasAddress, portHolder } from "../../host/port-holder.ts";
import { cacheUrl } from "../../registry/cache-address.ts";
import { isRegistry } from "../../registry/probe.ts";
import { setCommand } from "../../settings/commands.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";

export const portChecks: CheckDefinition[] = [
  {
    id: "port.cache",
    what: "The cache's port: held by the stack's own cache, or free; in mode `external` held by a registry.",
    fails:
      "another program holds it (its name and process stand there; if it is a registry, how to use that one); in mode `external` no registry answers",
    warns: "another program holds the same port of [::1], which `localhost` may mean",
    run: (facts) =>
      facts.settings.registryCache.mode === "own" ? judgeOwnPort(facts) : judgeExternalPort(facts),
  },
  {
    id: "port.metrics",
    what: "The port for the cache's metrics, where one is set.",
    fails: "another program holds it",
    run: async (facts) => {
      const { metricsPort, mode } = facts.settings.registryCache;
      if (!facts.started || metricsPort === undefined || mode !== "own") return skip("no metrics are served");
      if (await isServed(facts)) return ok("served by the stack's cache");
      const holder = await portHolder(metricsPort);
      return holder
        ? fail(`Port ${metricsPort} on 127.0.0.1 is taken by ${holder}`, setPort(facts, "metricsPort"))
        : ok(`${metricsPort} on 127.0.0.1 is free`);
    },
  },
];

const setPort = ({ settings }: Facts, name: string) =>
  setCommand(settings.stack, `registryCache.${name}`, "PORT");

async function judgeOwnPort(facts: Facts): Promise<Outcome> {
  if (!facts.started) return skip("the sandbox has never been started");
  const { port, bind } = facts.settings.registryCache;
  if (!(await hasAddress(bind)))
    return fail(
      `registryCache.bind ${bind} is no address of this machine`,
      `choose one of those that "ip address" shows: ${setCommand(facts.settings.stack, "registryCache.bind", "ADDRESS")}`,
    );
  const isOurs = await isServed(facts);
  const holder = isOurs ? undefined : await portHolder(port, bind);
  if (!holder) {
    const shown = `${port} on ${bind} is ${isOurs ? "held by the stack's cache" : "free"}`;
    const other = bind === "127.0.0.1" ? await portHolder(port, "::1") : undefined;
    return other
      ? warn(
          `${shown}; on [::1] it is taken by ${other}: who says localhost:${port} may reach that one`,
          `write 127.0.0.1:${port}, not localhost:${port}`,
        )
      : ok(shown);
  }
  const other = await otherCache(facts, port);
  if (other)
    return fail(
      `Port ${port} is the one of a registry cache that no stack made: ${named(other)}`,
      waysToAdopt(other, facts.settings.stack),
    );
  if (await isRegistry(facts.settings.registryCache))
    return fail(
      `Port ${port} on ${bind} is taken by ${holder}. A registry answers there`,
      `to use that one: ${setCommand(facts.settings.stack, "registryCache.mode", "external")}; to run another beside it: ${setPort(facts, "port")}`,
    );
  return fail(`Port ${port} on ${bind} is taken by ${holder}`, `Choose another: ${setPort(facts, "port")}`);
}

async function judgeExternalPort(facts: Facts): Promise<Outcome> {
  if (!facts.started) return skip("the sandbox has never been started");
  const url = cacheUrl(facts.settings.registryCache);
  if (await isRegistry(facts.settings.registryCache)) return ok(`a registry answers at ${url}`);
  return fail(
    `no registry answers at ${url}, and registryCache.mode is external`,
    `pulumi up on the stack that owns the cache, or ${setCommand(facts.settings.stack, "registryCache.mode", "own")}`,
  );
}

/** Whether the stack's own cache runs with this port. */
async function isServed(facts: Facts): Promise<boolean> {
  const cache = await facts.cache();
  return (
    !isUnknown(cache) &&
    cache.container?.running === true &&
    cache.container.port === String(facts.settings.registryCache.port)
  );
}

/** A running cache on that port that no stack of ours made. */
async function otherCache(facts: Facts, port: number): Promise<OtherCache | undefined> {
  if (isUnknown(await facts.engine())) return undefined;
  return (await otherCaches(facts.settings.engine.host).catch(() => [])).find(
    (cache) => cache.isRunning && cache.port === port,
  );
}
