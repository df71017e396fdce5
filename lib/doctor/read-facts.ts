import { planStack, type StackPlan } from "../images/plan-stack.ts";
import type { ImagePlan } from "../images/types.ts";
import { engineRequest, socketOf } from "../docker/request.ts";
import { askNvidia, type NvidiaAnswer } from "../host/nvidia.ts";
import { readProxies } from "../proxy/proxy.ts";
import type { Settings } from "../settings/settings.ts";
import { askCache } from "./cache-facts.ts";
import type { DaemonFacts } from "./daemon-facts.ts";
import { askEngine, engineLimitMs } from "./engine-answer.ts";
import { askUpstream } from "./upstream-answer.ts";
import { isUnknown, type Facts, type Unknown } from "./types.ts";

export interface FactsOptions {
  env?: NodeJS.ProcessEnv;
  backend?: string | undefined;
  started?: boolean;
  deep?: boolean;
  /** The stack's plan where it is known already. */
  plan?: StackPlan;
  /** Asks nvidia-smi. @default always anew */
  nvidia?: () => Promise<NvidiaAnswer>;
}

/** The facts of this host. Nothing is asked before a check wants it, and nothing twice. */
export function readFacts(settings: Settings, options: FactsOptions = {}): Facts {
  const { started = true, env = process.env, backend, deep = false } = options;
  const neverStarted = {
    problem: "The sandbox of this clone has never been started, so there is no engine",
    fix: "npm start",
  };
  const engine = once(async () =>
    started ? askEngine(settings.engine.host, settings.sandbox) : neverStarted,
  );
  const behindEngine = <T>(ask: () => Promise<T | Unknown>) =>
    once(async (): Promise<T | Unknown> => {
      const answer = await engine();
      return isUnknown(answer) ? answer : unlessBroken(ask);
    });
  const plan = once(async () => (options.plan ? options.plan : behindPlan(settings, started, neverStarted)));
  const images = once(async () => {
    const planned = await plan();
    return isUnknown(planned) ? planned : planned.plan.all;
  });
  return {
    settings,
    started,
    env,
    deep,
    ...(backend && { backend }),
    engine,
    daemon: behindEngine<DaemonFacts>(async () => {
      // Loaded only for it: the checks before a preview do without.
      const { readDaemon } = await import("./daemon-facts.ts");
      return readDaemon(settings.engine.host);
    }),
    cache: behindEngine(() => askCache(settings, engineLimitMs)),
    nvidia: once(() => options.nvidia?.() ?? askNvidia(env)),
    upstream: onceEach((url) => askUpstream(url, { proxies: readProxies(settings.proxy, env) })),
    images,
    missingImages: behindEngine(async () => {
      const all = await images();
      return isUnknown(all) ? all : missing(settings.engine.host, all);
    }),
    cacheImage: once(async () => {
      const planned = await plan();
      return isUnknown(planned) ? planned : planned.cacheImage;
    }),
  };
}

async function behindPlan(
  settings: Settings,
  started: boolean,
  neverStarted: Unknown,
): Promise<StackPlan | Unknown> {
  return started ? unlessBroken(() => planStack(settings, { isPreview: true })) : neverStarted;
}

async function missing(host: string, images: ImagePlan[]): Promise<ImagePlan[]> {
  const listed = await engineRequest<{ RepoTags?: string[] | null }[]>(socketOf(host), {
    path: "/images/json",
    timeoutMs: engineLimitMs,
  });
  const names = new Set(listed.flatMap(({ RepoTags }) => RepoTags ?? []));
  return images.filter(({ reference }) => !names.has(reference));
}

async function unlessBroken<T>(ask: () => Promise<T>): Promise<T | Unknown> {
  try {
    return await ask();
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** A question that is asked at most once. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => (answer ??= ask());
}

/** The same for a question about several things. */
function onceEach<T>(ask: (about: string) => Promise<T>): (about: string) => Promise<T> {
  const answers = new Map<string, () => Promise<T>>();
  return (about) => {
    if (!answers.has(about))
      answers.set(
        about,
        once(() => ask(about)),
      );
    return answers.get(about)!();
  };
}
