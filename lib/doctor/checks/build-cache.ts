import { engineAt } from "../../docker/engine.ts";
import { portHolder } from "../../host/port-holder.ts";
import { buildCacheOf, cacheReference, unreachable } from "../../images/build-cache.ts";
import { buildCacheName } from "../../registry/cache-name.ts";
import { setCommand } from "../../settings/commands.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";
import { withEngine } from "./docker-engine.ts";

export const buildCacheChecks: CheckDefinition[] = [
  {
    id: "docker.build-cache",
    what: "`buildCache`: whether the engine's image store can write such a cache, and port and volume of a registry of the stack's own.",
    fails:
      "`type: registry` is to be written by an engine without the containerd image store; another program holds the port, or a volume of its name is not this stack's",
    run: (facts) => withEngine(facts, (engine) => judgeStore(facts, engine.containerdStore)),
  },
  {
    id: "net.build-cache",
    what: "Whether the engine reaches the registry of `buildCache.ref`.",
    warns: "it does not: builds go on without the cache",
    run: judgeRegistry,
  },
];

async function judgeStore(facts: Facts, isContainerd: boolean): Promise<Outcome> {
  const { settings } = facts;
  const cache = buildCacheOf(settings);
  if (!cache) return skip("there is none");
  if (cache.type === "registry" && cache.export && !isContainerd)
    return fail(
      "buildCache.type registry cannot be written by this engine: its image store (of graph drivers) exports inline caches only",
      `${setCommand(settings.stack, "buildCache.type", "inline")}; or only read it: ${setCommand(settings.stack, "buildCache.export", "false")}; or let the engine use the containerd image store (daemon.json: "features": {"containerd-snapshotter": true}, a restart; its present images are not seen then); or write it with a docker-container builder outside of the stack: docs/build-cache.md`,
    );
  const { port } = settings.buildCache;
  if (port === undefined || !facts.started) return ok(`${cache.type} at ${cache.ref}`);
  const engine = engineAt(settings.engine.host);
  const volume = buildCacheName(settings.stack);
  const found = await engine.askIfThere<{ Labels: Record<string, string> | null }>({
    path: `/volumes/${volume}`,
  });
  if (found && found.Labels?.["gpu-build-host.stack"] !== settings.stack)
    return fail(
      `a volume ${volume} exists and is not of this stack: Docker would adopt it, and destroy would delete it`,
      "rename or remove it, or set buildCache.ref in place of buildCache.port",
    );
  const label = [`gpu-build-host.stack=${settings.stack}`, "gpu-build-host.role=build-cache"];
  const own = await engine.containers({ label });
  const holder = own.some(({ state }) => state === "running") ? undefined : await portHolder(port);
  return holder
    ? fail(
        `Port ${port} on 127.0.0.1, for the build cache, is taken by ${holder}`,
        setCommand(settings.stack, "buildCache.port", "PORT"),
      )
    : ok(`${cache.type} in a registry of the stack's own on port ${port}`);
}

async function judgeRegistry({ settings, engine }: Facts): Promise<Outcome> {
  const cache = buildCacheOf(settings);
  if (!cache || settings.buildCache.ref === undefined) return skip("there is none");
  if (isUnknown(await engine())) return skip("the engine does not answer");
  const problem = await unreachable(cacheReference(cache, "any", []), engineAt(settings.engine.host));
  return problem === undefined
    ? ok(`${cache.ref} answers`)
    : warn(
        `${cache.ref} is out of reach: ${problem}`,
        "check the network, buildCache.ref and the engine's proxies",
      );
}
