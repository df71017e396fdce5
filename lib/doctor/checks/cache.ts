import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, engineRequest, socketOf, unlessMissing } from "../../docker/request.ts";
import { otherCaches } from "../../host/other-cache.ts";
import { hubRepository } from "../../images/image-reference.ts";
import { cacheAddress, cacheUrl } from "../../registry/cache-address.ts";
import { sameMirrors } from "../../daemon/mirror-url.ts";
import { npmCommand } from "../../settings/commands.ts";
import { whyNoAnswer } from "../../proxy/fetch.ts";
import { askCache } from "../cache-facts.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";
import { startCommand } from "./pulumi.ts";

export const cacheChecks: CheckDefinition[] = [
  {
    id: "cache.running",
    what: "The container of the stack's own cache.",
    fails:
      "it is not there although the stack has a state, is stopped, or is unhealthy (`--fix` starts a stopped one)",
    warns: "the stack has not been brought up yet",
    run: judgeRunning,
  },
  {
    id: "cache.volume",
    what: "The volume of the stack's own cache.",
    fails:
      "a volume of its name exists and is not of this stack: Docker would adopt it, and destroy would delete it; or the one that `registryCache.volume` names is missing or in use",
    run: async (facts) => {
      if (facts.settings.registryCache.mode !== "own") return skip("the cache is another stack's");
      const cache = await facts.cache();
      if (isUnknown(cache)) return skip("the engine does not answer");
      const { name, volumeStack } = cache;
      const { volume } = facts.settings.registryCache;
      if (volume) return judgeAdoption(facts, volume, name);
      if (volumeStack === undefined) return ok(`there is none yet`);
      return volumeStack === facts.settings.stack
        ? ok(`${name} is of this stack`)
        : fail(
            `The volume ${name} exists and is not of the stack ${facts.settings.stack}`,
            `Rename or remove it: docker volume rm ${name}`,
          );
    },
  },
  {
    id: "net.mirror",
    what: "The engine is asked to pull a name that was never asked for; the cache's own log must show the question.",
    fails:
      "a mirror is wanted and the question does not reach the cache: Docker falls back to Docker Hub without a word",
    limit: 45,
    run: judgeMirror,
  },
  {
    id: "cache.works",
    what: "The cache is asked for one pinned manifest, and its volume must hold it afterwards.",
    fails: "it cannot fetch it or cannot keep it",
    limit: 45,
    run: judgeStores,
  },
];

/** A volume that the cache shall take over has to be there, and nobody else may write into it meanwhile. */
async function judgeAdoption({ settings }: Facts, volume: string, cacheName: string): Promise<Outcome> {
  const get = <T>(path: string, query = {}) =>
    engineRequest<T>(socketOf(settings.engine.host), { path, query, timeoutMs: 10_000 });
  if (!(await unlessMissing(get(`/volumes/${volume}`))))
    return fail(
      `The volume ${volume} (registryCache.volume) is not there`,
      "see docker volume ls, or remove the setting",
    );
  const users = await get<{ Names: string[] }[]>("/containers/json", { filters: { volume: [volume] } });
  const other = users.flatMap(({ Names }) => Names).find((name) => name !== `/${cacheName}`);
  if (!other) return ok(`${volume} is there for this stack's cache alone`);
  return fail(
    `The volume ${volume} (registryCache.volume) is in use by the container ${other.slice(1)}`,
    `docker stop ${other.slice(1)}`,
  );
}

async function judgeRunning(facts: Facts): Promise<Outcome> {
  if (facts.settings.registryCache.mode !== "own")
    return skip("the cache is another stack's: see port.cache");
  const cache = await facts.cache();
  if (isUnknown(cache)) return skip("the engine does not answer");
  const { container, name } = cache;
  if (!container) {
    const line = `there is no container ${name}`;
    return cache.volumeStack === undefined
      ? warn(`${line}: the stack has not been brought up`, startCommand(facts))
      : fail(line, startCommand(facts));
  }
  if (!container.running)
    return {
      ...fail(
        `${name} is stopped`,
        `${npmCommand("npm run doctor", facts.settings.stack, "--fix")}, or docker start ${name}; if it stops again: docker logs --tail 20 ${name}`,
      ),
      ...(container.stack === facts.settings.stack && {
        repair: {
          says: `start the stack's cache: docker start ${name}`,
          run: async () => {
            await ask(facts, "POST", `/containers/${container.id}/start`);
            await untilHealthy(facts, 20);
          },
        },
      }),
    };
  if (container.health === "unhealthy")
    return fail(
      `${name} is unhealthy: it cannot store or does not answer`,
      `docker logs --tail 20 ${name}; see disk.bytes`,
    );
  return ok(`${name} runs${container.health ? ` (${container.health})` : ""}`);
}

/** Waits until the cache answers: right after its start it does not listen yet. */
async function untilHealthy({ settings }: Facts, seconds: number): Promise<void> {
  for (let tries = 0; tries < seconds * 2; tries++) {
    const health = (await askCache(settings, 5_000)).container?.health;
    if (health !== "starting" && health !== "unhealthy") return;
    await sleep(500);
  }
}

/** The container of the cache on the settings' port: of whichever stack, or one that no stack made. */
async function cacheContainer(facts: Facts): Promise<string | undefined> {
  const { port } = facts.settings.registryCache;
  const query = { filters: { label: ["gpu-build-host.role=registry-cache", `gpu-build-host.port=${port}`] } };
  const { host } = facts.settings.engine;
  const found = await engineRequest<{ Id: string }[]>(socketOf(host), {
    path: "/containers/json",
    query,
    timeoutMs: 10_000,
  });
  if (found[0]) return found[0].Id;
  return (await otherCaches(host)).find((cache) => cache.isRunning && cache.port === port)?.container;
}

async function judgeMirror(facts: Facts, signal: AbortSignal): Promise<Outcome> {
  const engine = await facts.engine();
  if (isUnknown(engine)) return skip("the engine does not answer");
  const { port } = facts.settings.registryCache;
  const url = cacheUrl(facts.settings.registryCache);
  const shown = engine.mirrors.join(", ") || "none";
  const mend = `${startCommand(facts)} (or pulumi up)`;
  const container = await cacheContainer(facts);
  if (!container) {
    const cache = await facts.cache();
    if (
      !isUnknown(cache) &&
      cache.volumeStack === undefined &&
      !engine.mirrors.some((mirror) => sameMirrors([mirror], [url]))
    )
      return skip("the stack has not been brought up: there is no mirror yet");
    return fail(
      `no registry cache runs on port ${port}: pulls go to Docker Hub without a word (mirrors: ${shown})`,
      mend,
    );
  }
  const asked = `gpu-build-host/doctor-${Date.now().toString(36)}${process.pid}`;
  const path = `/images/create?fromImage=${encodeURIComponent(asked)}&tag=none`;
  let ended = false;
  // There is no such image: only the question counts.
  const pull = engineRequest(socketOf(facts.settings.engine.host), {
    method: "POST",
    path,
    timeoutMs: 30_000,
  })
    .catch(() => undefined)
    .finally(() => (ended = true));
  while (!signal.aborted) {
    const wasEnded = ended;
    if ((await lastLines(facts, container)).includes(asked)) return ok(`a pull asks ${url} first`);
    if (wasEnded) break;
    await Promise.race([pull, sleep(300)]);
  }
  return fail(`the engine did not ask the cache at ${url} for an image; its mirrors: ${shown}`, mend);
}

async function judgeStores(facts: Facts): Promise<Outcome> {
  if (isUnknown(await facts.engine())) return skip("the engine does not answer");
  const container = await cacheContainer(facts);
  if (!container) return skip("no registry cache runs: see net.mirror");
  const image = await facts.cacheImage();
  if (isUnknown(image)) return skip(`there is no pinned image to ask for: ${image.problem}`);
  const digest = image.replace(/^.*@/, "");
  const see = `docker logs --tail 20 ${container.slice(0, 12)}; see net.upstream and disk.bytes`;
  const status = await fetchThrough(facts, hubRepository(image), digest);
  if (status !== 200)
    return fail(`the cache cannot fetch ${hubRepository(image)}@${digest.slice(0, 19)}: ${status}`, see);
  const hex = digest.replace("sha256:", "");
  const blob = `/var/lib/registry/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
  // It stores in the background: the answer comes first.
  for (let tries = 0; tries < 20; tries++) {
    if (await holds(facts, container, blob)) return ok(`it fetched ${hubRepository(image)} and keeps it`);
    await sleep(250);
  }
  return fail(`the cache answers, but its volume does not hold ${digest.slice(0, 19)}`, see);
}

/** Has the cache fetch a manifest. Only the engine has the certificates for one with TLS, so there it is asked to pull. */
async function fetchThrough(
  { settings }: Facts,
  repository: string,
  digest: string,
): Promise<number | string> {
  const { registryCache, engine } = settings;
  if (!registryCache.tls)
    return fetchStatus(`${cacheUrl(registryCache)}/v2/${repository}/manifests/${digest}`);
  const name = `${cacheAddress(registryCache)}/${repository}@${digest}`;
  const socket = socketOf(engine.host);
  const path = `/images/create?fromImage=${encodeURIComponent(name)}`;
  await engineRequest(socket, { method: "POST", path, timeoutMs: 40_000 });
  const isThere = await unlessMissing(
    engineRequest(socket, { path: `/images/${name}/json`, timeoutMs: 10_000 }),
  );
  if (!isThere) return "the engine could not pull it from there";
  await engineRequest(socket, { method: "DELETE", path: `/images/${name}`, timeoutMs: 10_000 });
  return 200;
}

async function fetchStatus(url: string): Promise<number | string> {
  const accept = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
  ].join(", ");
  try {
    const answer = await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(20_000) });
    await answer.arrayBuffer();
    return answer.status;
  } catch (error) {
    return whyNoAnswer(error);
  }
}

async function holds(facts: Facts, container: string, file: string): Promise<boolean> {
  try {
    await ask(facts, "GET", `/containers/${container}/archive?path=${encodeURIComponent(file)}`);
    return true;
  } catch (error) {
    if (error instanceof EngineError && error.statusCode === 404) return false;
    throw error;
  }
}

async function lastLines(facts: Facts, container: string): Promise<string> {
  return String(await ask(facts, "GET", `/containers/${container}/logs?stdout=1&stderr=1&tail=2000`));
}

function ask(facts: Facts, method: "GET" | "POST", path: string): Promise<unknown> {
  return engineRequest(socketOf(facts.settings.engine.host), { method, path, timeoutMs: 15_000 });
}
