import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Gpu, HostFacts } from "../cuda/types.ts";
import type { EngineAnswer } from "../doctor/engine-answer.ts";
import { isUnknown, type Unknown } from "../doctor/unknown.ts";
import type { Settings } from "../settings/settings.ts";
import type { GpuModel } from "./gpu-models.ts";
import type { NvidiaAnswer } from "./nvidia.ts";
import { runBriefly } from "./run-briefly.ts";

/** What host facts are read from. */
export interface HostSources {
  nvidia: () => Promise<NvidiaAnswer>;
  engine: () => Promise<EngineAnswer | Unknown>;
  /** A GPU by its name, where a table has it. */
  modelOf?: (name: string) => Promise<GpuModel | undefined>;
  env?: NodeJS.ProcessEnv;
  /** Put before every path that is looked at, for tests. */
  root?: string;
}

const thisHost = "this host";
/** Longest wait for a program of the container toolkit, in milliseconds; it starts in 20. */
const toolkitLimitMs = 2_000;

/**
 * What is known of the machine that will run the images: what the settings say by hand wins, then what this machine says of
 * itself. All is asked side by side and with time limits; what nobody says is left out, and `from` says why. Never throws.
 */
export async function hostFacts(settings: Settings, sources: HostSources): Promise<HostFacts> {
  const { env = process.env, root = "" } = sources;
  const [answer, engine, toolkit] = await Promise.all([
    settings.sandbox ? noGpuInSandbox : sources.nvidia(),
    sources.engine(),
    toolkitVersion(env),
  ]);
  const facts: HostFacts = { from: {} };
  await addNvidia(facts, answer, sources);
  addContainerAccess(facts, { engine, toolkit, env, root });
  if (settings.dockerDaemon.nvidiaRuntime && facts.gpuAccess === "none")
    note(facts, "gpuAccess", "runtime", "gpu-build-host:dockerDaemon.nvidiaRuntime");
  if (isWsl(root)) note(facts, "isWsl", true, thisHost);
  const isElsewhere = await addByHand(facts, settings, answer, sources);
  return isElsewhere ? withoutThisMachine(facts) : facts;
}

/** The private engine of `npm start` uses no GPU, whatever machine it is on. */
const noGpuInSandbox: NvidiaAnswer = { state: "absent", hardware: false };

function note<K extends Exclude<keyof HostFacts, "from">>(
  facts: HostFacts,
  name: K,
  value: NonNullable<HostFacts[K]>,
  from: string,
): void {
  facts[name] = value;
  facts.from[name] = from;
}

async function addNvidia(facts: HostFacts, answer: NvidiaAnswer, { modelOf }: HostSources): Promise<void> {
  if (answer.state === "ok") {
    note(facts, "driver", answer.driver, thisHost);
    const gpus = answer.gpus.map(async (name, index): Promise<Gpu> => {
      const said = answer.computeCapabilities?.[index];
      const computeCapability = said ?? (await modelOf?.(name))?.computeCapability;
      return { name, ...(computeCapability && { computeCapability }) };
    });
    note(facts, "gpus", await Promise.all(gpus), thisHost);
    return;
  }
  const why = whyNot(answer);
  facts.from["driver"] = why;
  if (answer.state === "absent" && !answer.hardware) note(facts, "gpus", [], thisHost);
  else facts.from["gpus"] = why;
}

/** Why nothing is known of driver and GPUs, in a few words. */
export function whyNot(answer: Exclude<NvidiaAnswer, { state: "ok" }>): string {
  switch (answer.state) {
    case "absent":
      return answer.hardware
        ? "an NVIDIA GPU is in this machine, but no nvidia-smi"
        : "this host has no NVIDIA GPU";
    case "silent":
      return "nvidia-smi gives no answer on this host";
    case "mismatch":
      return `kernel module and library of this host's driver differ: ${answer.words}`;
    case "no-driver":
      return `nvidia-smi reaches no driver on this host: ${answer.words}`;
    case "garbage":
      return `nvidia-smi names no driver on this host: ${answer.words}`;
  }
}

function addContainerAccess(
  facts: HostFacts,
  found: {
    engine: EngineAnswer | Unknown;
    toolkit: string | undefined;
    env: NodeJS.ProcessEnv;
    root: string;
  },
): void {
  const { engine, toolkit, env, root } = found;
  if (toolkit) note(facts, "containerToolkit", toolkit, thisHost);
  else facts.from["containerToolkit"] = "neither nvidia-ctk nor nvidia-container-cli answers on this host";
  const hasHook = onPath(env, "nvidia-container-runtime-hook");
  const specs = cdiSpecs(root);
  if (isUnknown(engine)) {
    facts.from["engine"] = engine.problem;
    if (specs.length > 0) note(facts, "gpuAccess", "cdi", specs[0]!);
    else facts.from["gpuAccess"] = engine.problem;
    return;
  }
  note(facts, "engine", engine.version, thisHost);
  if ("nvidia" in engine.runtimes) note(facts, "gpuAccess", "runtime", "the engine's runtime nvidia");
  else if (hasHook) note(facts, "gpuAccess", "runtime", "nvidia-container-runtime-hook on PATH");
  else if (specs.length > 0) note(facts, "gpuAccess", "cdi", specs[0]!);
  else if (engine.devices.some((device) => device.startsWith("nvidia.com/gpu")))
    note(facts, "gpuAccess", "cdi", "the engine's CDI devices");
  else note(facts, "gpuAccess", "none", "the engine has neither the runtime nvidia nor a CDI device");
}

/**
 * Facts of the settings win. Where they speak of a driver or GPUs and this machine has none, they are about another machine:
 * true is returned then.
 */
async function addByHand(
  facts: HostFacts,
  { host }: Settings,
  answer: NvidiaAnswer,
  { modelOf }: HostSources,
): Promise<boolean> {
  if (host.driver !== undefined) note(facts, "driver", host.driver, "gpu-build-host:host.driver");
  if (host.gpus)
    note(
      facts,
      "gpus",
      await Promise.all(host.gpus.map((gpu) => gpuByHand(gpu, modelOf))),
      "gpu-build-host:host.gpus",
    );
  const isByHand = host.driver !== undefined || (host.gpus?.length ?? 0) > 0;
  return isByHand && answer.state !== "ok";
}

async function gpuByHand(
  gpu: NonNullable<Settings["host"]["gpus"]>[number],
  modelOf: HostSources["modelOf"],
): Promise<Gpu> {
  const name = typeof gpu === "string" ? gpu : gpu.name;
  if (/^\d{1,2}\.\d$/.test(name))
    return { name: `GPU of compute capability ${name}`, computeCapability: name };
  const model = await modelOf?.(name);
  const said = typeof gpu === "string" ? undefined : gpu.computeCapability;
  const computeCapability = said ?? model?.computeCapability;
  return { name: model?.name ?? name, ...(computeCapability && { computeCapability }) };
}

/** What this machine alone says means nothing for another one; the engine stays, since it builds. */
function withoutThisMachine(facts: HostFacts): HostFacts {
  const other = "gpu-build-host:host is about another machine";
  const from = { ...facts.from };
  const kept: HostFacts = { from };
  if (facts.engine) kept.engine = facts.engine;
  for (const name of ["driver", "gpus"] as const) {
    const isByHand = from[name]?.startsWith("gpu-build-host:") === true;
    if (isByHand) Object.assign(kept, { [name]: facts[name] });
    else from[name] = `${other}, and gpu-build-host:host.${name} is not set`;
  }
  for (const name of ["containerToolkit", "gpuAccess", "isWsl"]) from[name] = other;
  return kept;
}

/** Version of NVIDIA's container toolkit, e.g. `"1.18.0"`. */
async function toolkitVersion(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const ask = async (program: string) => {
    if (!onPath(env, program)) return undefined;
    const run = await runBriefly(program, ["--version"], { env, timeoutMs: toolkitLimitMs });
    if (run.state !== "ended" || run.exitCode !== 0) return undefined;
    return /version:?\s+v?(\d+\.\d+\.\d+)/i.exec(run.stdout)?.[1];
  };
  const [ctk, cli] = await Promise.all([ask("nvidia-ctk"), ask("nvidia-container-cli")]);
  return ctk ?? cli;
}

function onPath(env: NodeJS.ProcessEnv, program: string): boolean {
  return (env["PATH"] ?? "")
    .split(delimiter)
    .filter(Boolean)
    .some((folder) => existsSync(join(folder, program)));
}

/** Files of the Container Device Interface that name NVIDIA's devices; not where WSL2's or Docker's own would be another vendor's. */
function cdiSpecs(root: string): string[] {
  return ["/etc/cdi", "/var/run/cdi"].flatMap((folder) => {
    try {
      return readdirSync(root + folder)
        .filter((name) => /nvidia/.test(name) && /\.(ya?ml|json)$/.test(name))
        .map((name) => join(folder, name));
    } catch {
      return [];
    }
  });
}

/** WSL2 has its GPU behind /dev/dxg, and names Microsoft in its kernel's version. */
function isWsl(root: string): boolean {
  if (existsSync(`${root}/dev/dxg`)) return true;
  try {
    return /microsoft/i.test(readFileSync(`${root}/proc/sys/kernel/osrelease`, "utf8"));
  } catch {
    return false;
  }
}
