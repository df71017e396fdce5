import { isAbsolute, relative, resolve } from "node:path";
import { execa } from "execa";
import type { Engine } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { openPackageCache } from "../package-cache/open.ts";
import { openBuildProxy } from "../proxy/build-proxy.ts";
import { probeRegistry } from "../registry/probe.ts";
import { cacheOptions, pushInline } from "./build-cache.ts";
import { BuildProgress, type BuildStep } from "./build-progress.ts";
import type { UsedCache } from "./build-run.ts";
import { redactorOf, secretOption, secretProblems } from "./build-secrets.ts";
import { cachePin } from "./cache-pin.ts";
import { cacheReason, clearDamaged } from "./cache-trouble.ts";
import type { ImagePlan } from "./types.ts";

/** What a build needs of a plan. */
export type BuildPlan = Pick<
  ImagePlan,
  | "name"
  | "context"
  | "dockerfile"
  | "target"
  | "args"
  | "contexts"
  | "secrets"
  | "network"
  | "platform"
  | "pins"
  | "rebuild"
  | "proxy"
  | "packageCache"
>;

/** What a build did. */
export interface BuildRecord {
  steps: BuildStep[];
  /** What BuildKit did beside them, e.g. `"exporting to image"`. */
  housekeeping: BuildStep[];
  seconds: number;
  /** Bytes of image layers that were fetched. */
  fetchedBytes: number;
}

export interface BuildOptions {
  engine: Engine;
  signal: AbortSignal;
  /** Called when a step begins, e.g. `"[3/7] RUN make"`. */
  onStep?: (step: string, secondsSoFar: number) => void;
  /** Called with what the build did, also where it failed. */
  onRecord?: (record: BuildRecord) => void;
  /** Said once, before the build. */
  onNote?: (note: string) => void;
  /** Minutes without a sign of progress until the build is stopped. @default 30 */
  idleMinutes?: number;
  /** Where steps are looked for and kept beside the engine's own cache. */
  cache?: UsedCache;
  /** Called with what a person should know of and what fails nothing. */
  onWarning?: (text: string) => void;
}

/** Damaged layers that one build may meet and have fetched again: each attempt finds one. */
const maxRepairs = 8;
const localReference = /^docker-image:\/\/(localhost:1\/.+)$/;

/** Builds one image under `reference` with `docker buildx build`. Throws a UserError with the failing step's last lines. */
export async function buildImage(
  plan: BuildPlan,
  reference: string,
  options: BuildOptions,
): Promise<BuildRecord> {
  const problems = secretProblems(plan.name, plan.secrets);
  if (problems.length > 0) throw new UserError(problems.join("\n"));
  await refuseMissingParents(plan, options.engine);
  await refuseSilentCache(plan);
  const emptyCaches = plan.rebuild.noCache && plan.args.REBUILD === undefined;
  if (emptyCaches)
    options.onNote?.(
      "building without cache: the cache mounts of this Dockerfile are emptied too (declare ARG REBUILD to keep them)",
    );
  const begin = Date.now();
  const { network, packageCache, secrets } = plan;
  const packages = await openPackageCache(packageCache, network, Object.keys(secrets), options.engine);
  if (packages.note) options.onWarning?.(packages.note);
  const redact = redactorOf(plan, Object.values(packages.env));
  const proxy = await openBuildProxy(plan.proxy, network, Object.keys(plan.args), options.engine, packages);
  const args = buildArguments(plan, reference, emptyCaches, proxy.names, options.cache, packages.secrets);
  const env = { ...proxy.env, ...packages.env };
  const attempt = async () => {
    const onStep = (step: string) => options.onStep?.(redact(step), (Date.now() - begin) / 1000);
    const progress = new BuildProgress(onStep);
    return { progress, outcome: await runBuildx(args, env, plan, progress, options) };
  };
  const contexts = Object.values({ ...plan.contexts, ...plan.pins });
  const { outcome, progress } = await withRepairs(attempt, contexts, options).finally(() => proxy.close());
  const redacted = (step: BuildStep): BuildStep => ({
    ...step,
    name: redact(step.name),
    ...(step.error && { error: redact(step.error) }),
  });
  const record: BuildRecord = {
    steps: progress.steps().map(redacted),
    housekeeping: progress.housekeeping().map(redacted),
    seconds: Math.round((Date.now() - begin) / 100) / 10,
    fetchedBytes: progress.fetchedBytes,
  };
  options.onRecord?.(record);
  if (outcome !== undefined) {
    const reason = await cacheReason(options.engine, contexts, progress.text, begin);
    throw new UserError(redact(buildError(plan, progress, outcome || (reason ?? ""))));
  }
  await keepSteps(reference, progress, options);
  return record;
}

/** Pushes what an inline cache needs, and says what went wrong with a cache: it fails no build. */
async function keepSteps(
  reference: string,
  progress: BuildProgress,
  { cache, engine, signal, onNote, onWarning }: BuildOptions,
): Promise<void> {
  if (!cache) return;
  let problem = progress.cacheProblem();
  if (cache.type === "inline" && cache.export) {
    onNote?.(`writing the build cache ${cache.reference}`);
    problem = (await pushInline(reference, cache.reference, { engine, signal })) ?? problem;
  }
  if (problem !== undefined)
    onWarning?.(
      `the build cache ${cache.ref} is not whole, the images are: ${problem}; see the registry's log, or docker login to it`,
    );
}

interface Attempt {
  progress: BuildProgress;
  /** Why it failed; empty where the progress says; undefined where it did not. */
  outcome: string | undefined;
}

/** Runs a build, and again for each damaged layer that it met and that could be cleared away. */
async function withRepairs(
  attempt: () => Promise<Attempt>,
  contexts: string[],
  options: BuildOptions,
): Promise<Attempt> {
  const notes = new Set<string>();
  for (;;) {
    const result = await attempt();
    if (result.outcome !== "" || notes.size >= maxRepairs) return result;
    const cleared = await clearDamaged(options.engine, contexts, result.progress.text);
    if (!cleared || notes.has(cleared)) return result;
    notes.add(cleared);
    options.onNote?.(cleared);
  }
}

/**
 * The arguments of `docker` for one build.
 * @param fromEnvironment build arguments that buildx takes from its own environment: everybody may read arguments
 * @param furtherSecrets values of `--secret`, beside those of the plan
 */
export function buildArguments(
  plan: BuildPlan,
  reference: string,
  noCache: boolean,
  fromEnvironment: string[] = [],
  cache?: UsedCache,
  furtherSecrets: string[] = [],
): string[] {
  const args = ["buildx", "build", "--builder", "default", "--progress", "rawjson", "--provenance=false"];
  args.push("--file", resolve(plan.context, plan.dockerfile), "--tag", reference);
  if (plan.target) args.push("--target", plan.target);
  if (plan.platform) args.push("--platform", plan.platform);
  if (plan.network && plan.network !== "default") args.push("--network", plan.network);
  if (noCache) args.push("--no-cache");
  if (cache) args.push(...cacheOptions(cache, cache.reference, noCache));
  for (const [name, value] of Object.entries(plan.args)) args.push("--build-arg", `${name}=${value}`);
  for (const name of fromEnvironment) args.push("--build-arg", name);
  for (const [name, value] of Object.entries({ ...plan.contexts, ...plan.pins }))
    args.push("--build-context", `${name}=${value}`);
  for (const [id, source] of Object.entries(plan.secrets)) args.push("--secret", secretOption(id, source));
  for (const secret of furtherSecrets) args.push("--secret", secret);
  return [...args, plan.context];
}

/** Checks that every local parent is there: BuildKit would look for it at a registry and say nothing of building it. */
async function refuseMissingParents(plan: BuildPlan, engine: Engine): Promise<void> {
  for (const [name, value] of Object.entries({ ...plan.contexts, ...plan.pins })) {
    const reference = localReference.exec(value)?.[1];
    if (reference !== undefined && !(await engine.image(reference)))
      throw new UserError(
        `image "${plan.name}" builds on ${name}, but ${reference} is not on this engine; build ${name} first (pulumi up builds both)`,
      );
  }
}

/** A cache that takes connections and says nothing would hang the build. One that is off need not matter: layers may be here. */
async function refuseSilentCache(plan: BuildPlan): Promise<void> {
  const addresses = Object.values({ ...plan.contexts, ...plan.pins }).map(
    (value) => cachePin(value)?.address,
  );
  for (const address of new Set(addresses))
    if (address !== undefined && (await probeRegistry(address)) === "silent")
      throw new UserError(
        `the registry cache at ${address} takes connections but does not answer; restart its container and run again`,
      );
}

/** Runs the build; the result is undefined on success, else why it ended, empty where BuildKit itself says so. */
async function runBuildx(
  args: string[],
  env: Record<string, string>,
  plan: BuildPlan,
  progress: BuildProgress,
  options: BuildOptions,
): Promise<string | undefined> {
  const idleMinutes = options.idleMinutes ?? 30;
  const idle = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let atWork: string[] = [];
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      atWork = progress.running(); // before BuildKit ends them
      idle.abort();
    }, idleMinutes * 60_000);
  };
  options.signal.throwIfAborted();
  alive();
  const child = execa("docker", args, {
    env: { ...env, DOCKER_HOST: options.engine.host, DOCKER_CONTEXT: undefined, BUILDX_BUILDER: undefined },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    buffer: false,
    reject: false,
    cancelSignal: AbortSignal.any([options.signal, idle.signal]),
    forceKillAfterDelay: 700,
  });
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (chunk: string) => {
    alive();
    progress.write(chunk);
  });
  const result = await child;
  options.engine.imageChanges++;
  clearTimeout(timer);
  if (options.signal.aborted) throw new UserError(`the build of image "${plan.name}" was stopped`);
  if (idle.signal.aborted)
    return `it showed no progress for ${idleMinutes} minutes and was stopped (setting build.idleMinutes); it was at ${atWork.join(", ") || "its beginning"}`;
  if (result.code === "ENOENT")
    return "the docker command is not on PATH; install docker-cli and docker-buildx";
  return result.exitCode === 0 ? undefined : "";
}

function buildError(plan: BuildPlan, progress: BuildProgress, why: string): string {
  const { text } = progress;
  const failure = progress.failure();
  const own =
    /^ERROR: (?:failed to solve: )?([\s\S]*)$/m.exec(text)?.[1]?.trim() || text.split("\n").find(Boolean);
  // BuildKit prints "Dockerfile:12" above an excerpt.
  const line = /^\S+:(\d+)$/m.exec(text)?.[1];
  const path = resolve(plan.context, plan.dockerfile);
  const short = relative(process.cwd(), path);
  const file = short.startsWith("..") || isAbsolute(short) ? path : short;
  const head = `image "${plan.name}" does not build: ${file}${line ? `:${line}` : ""}${failure ? `: ${failure.step}` : ""}`;
  const cause = why === "" ? (own ?? "docker buildx build failed without a word") : why;
  const lines = (failure?.lines.slice(-20) ?? []).map((text) => `  ${text}`);
  const full = /no space left on device|disk quota exceeded/i.test([...lines, cause].join("\n"));
  const room = full
    ? ["the engine's disk is full: make room (docker system df shows what is there), then run again"]
    : [];
  return [head, ...lines, explained(cause), ...room].join("\n");
}

/** Adds what a message of BuildKit means, where that is known. */
function explained(message: string): string {
  if (/unknown command: docker buildx|is not a docker command|unknown flag: --builder/.test(message))
    return `${message}; install docker-buildx`;
  if (/127\.0\.0\.1:\d+.*connection refused/.test(message))
    return `${message}; the registry cache does not run: start it (pulumi up does) and run again`;
  if (/network bridge not found/.test(message))
    return `${message}; this engine has no bridge: set engine.network to "host"`;
  return message;
}
