import { engineAt } from "../../docker/engine.ts";
import { engineRequest, socketOf, unlessMissing } from "../../docker/request.ts";
import { portHolder } from "../../host/port-holder.ts";
import { imageDefinitions } from "../../images/definitions.ts";
import { answers, cacheAddress } from "../../package-cache/open.ts";
import { packageCacheName } from "../../package-cache/name.ts";
import { setCommand } from "../../settings/commands.ts";
import type { Settings } from "../../settings/settings.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";
import { startCommand } from "./pulumi.ts";

const off = "packageCache.mode is off";
const kinds = ["python", "debian"] as const;

/** The caches of packages, where the stack uses any. */
export const packageCacheChecks: CheckDefinition[] = [
  {
    id: "packages.port",
    what: "The two ports of the package cache: held by the stack's own, or free; in mode `external` somebody answers.",
    fails: "another program holds one; in mode `external` nobody answers",
    run: judgePorts,
  },
  {
    id: "packages.volume",
    what: "The volume of the stack's own package cache.",
    fails:
      "a volume of its name exists and is not of this stack: Docker would adopt it, and destroy would delete it",
    run: judgeVolume,
  },
  {
    id: "packages.running",
    what: "The two containers of the stack's own package cache.",
    fails: "one is stopped or unhealthy: builds go past it",
    warns: "the stack has not been brought up with it yet",
    run: judgeRunning,
  },
];

async function judgePorts(facts: Facts): Promise<Outcome> {
  const { settings, started } = facts;
  const { mode, pythonPort, debianPort } = settings.packageCache;
  if (mode === "off") return skip(off);
  if (!started) return skip("the sandbox has never been started");
  if (mode === "external") return judgeExternal(facts);
  const problems: string[] = [];
  for (const [kind, port] of [
    ["python", pythonPort],
    ["debian", debianPort],
  ] as const) {
    const own = await containerOf(facts, kind);
    const holder = own?.running && own.port === String(port) ? undefined : await portHolder(port);
    if (holder)
      problems.push(
        `Port ${port} on 127.0.0.1 is taken by ${holder}: ${setCommand(settings.stack, `packageCache.${kind}Port`, "PORT")}`,
      );
  }
  return problems.length > 0
    ? fail(problems.join("; "))
    : ok(`nothing else holds ${pythonPort} and ${debianPort}`);
}

async function judgeExternal({ settings }: Facts): Promise<Outcome> {
  const { pythonPort, debianPort } = settings.packageCache;
  const networks = imageDefinitions(settings).map(({ network }) => network);
  const addresses = await Promise.all(
    [...new Set(networks)]
      .filter((network) => network !== "none")
      .map((network) => cacheAddress(network, engineAt(settings.engine.host)).catch(() => undefined)),
  );
  const places = addresses.flatMap((address) =>
    address === undefined ? [] : [pythonPort, debianPort].map((port) => ({ address, port })),
  );
  if (places.length === 0)
    return fail(
      "builds have no way to it: this engine has no bridge, and packageCache.mode is external",
      setCommand(settings.stack, "engine.network", "host"),
    );
  const alive = await Promise.all(places.map(({ address, port }) => answers(address, port)));
  const inWords = (some: typeof places) =>
    some.map(({ address, port }) => `${address}:${port}`).join(" and ");
  const silent = places.filter((_, index) => !alive[index]);
  return silent.length === 0
    ? ok(`somebody answers at ${inWords(places)}`)
    : fail(
        `nobody answers at ${inWords(silent)}, where builds look, and packageCache.mode is external`,
        `pulumi up on the stack that owns it, or ${setCommand(settings.stack, "packageCache.mode", "own")}`,
      );
}

async function judgeVolume(facts: Facts): Promise<Outcome> {
  const { settings } = facts;
  if (settings.packageCache.mode !== "own") return skip("this stack runs no package cache");
  if (isUnknown(await facts.engine())) return skip("the engine does not answer");
  const name = packageCacheName(settings.stack);
  const volume = await ask<{ Labels?: Record<string, string> | null }>(settings, `/volumes/${name}`);
  if (!volume) return ok("there is none yet");
  return volume.Labels?.["gpu-build-host.stack"] === settings.stack
    ? ok(`${name} is of this stack`)
    : fail(
        `The volume ${name} exists and is not of the stack ${settings.stack}`,
        `Rename or remove it: docker volume rm ${name}`,
      );
}

async function judgeRunning(facts: Facts): Promise<Outcome> {
  const { settings } = facts;
  if (settings.packageCache.mode !== "own") return skip("this stack runs no package cache");
  if (isUnknown(await facts.engine())) return skip("the engine does not answer");
  const found = await Promise.all(kinds.map((kind) => containerOf(facts, kind)));
  if (found.every((container) => !container))
    return warn(
      "there is no package cache yet: the stack has not been brought up with it",
      startCommand(facts),
    );
  const problems = kinds.flatMap((kind, index) => {
    const container = found[index];
    const name = packageCacheName(settings.stack, kind);
    if (!container) return [`there is no container ${name}`];
    if (!container.running) return [`${name} is stopped`];
    return container.health === "unhealthy" ? [`${name} is unhealthy: docker logs --tail 20 ${name}`] : [];
  });
  return problems.length > 0
    ? fail(`${problems.join("; ")}; builds fetch for themselves`, startCommand(facts))
    : ok("both containers run");
}

async function containerOf({ settings }: Facts, kind: "python" | "debian") {
  const name = packageCacheName(settings.stack, kind);
  const container = await ask<ContainerAnswer>(settings, `/containers/${name}/json`).catch(() => undefined);
  return (
    container && {
      running: container.State.Running,
      health: container.State.Health?.Status ?? "",
      port: container.Config.Labels?.["gpu-build-host.port"] ?? "",
    }
  );
}

interface ContainerAnswer {
  State: { Running: boolean; Health?: { Status?: string } };
  Config: { Labels?: Record<string, string> | null };
}

function ask<T>({ engine }: Settings, path: string): Promise<T | undefined> {
  return unlessMissing(engineRequest<T>(socketOf(engine.host), { path, timeoutMs: 10_000 }));
}
