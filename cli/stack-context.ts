import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { finishCutOffRestart } from "../lib/daemon/cut-off-restart.ts";
import { engineAt } from "../lib/docker/engine.ts";
import { UserError } from "../lib/errors.ts";
import { ImageLockFile } from "../lib/images/lock-file.ts";
import { checkStackFile, settingsOfStackFile } from "../lib/settings/load.ts";
import type { Settings } from "../lib/settings/settings.ts";
import { readStackFile } from "../lib/settings/stack-file.ts";
import { fileBackend } from "../lib/state-files/file-backend.ts";
import { stackExists } from "../lib/state-files/state-file.ts";
import { startEngine } from "../sandbox/engine.ts";
import { sandboxLayout } from "../sandbox/layout.ts";
import { requireLinux, requireRoot } from "../sandbox/preflight.ts";
import { startSandbox, type Sandbox } from "../sandbox/sandbox.ts";
import { ensureToolchain, type Toolchain } from "../sandbox/toolchain/toolchain.ts";
import { interruptible } from "./interrupts.ts";
import { followMovedClone } from "./moved-clone.ts";
import type { Progress } from "./progress.ts";
import { projectRoot, sandboxBackend, sandboxRoot } from "./project-folders.ts";
import { useProxy } from "./use-proxy.ts";
import { pulumi, type PulumiContext } from "./pulumi-run.ts";
import { mendTroubles } from "./troubles.ts";

export { projectRoot, sandboxBackend, sandboxRoot };

/** A stack that commands can work on. */
export interface OpenStack {
  settings: Settings;
  toolchain: Toolchain;
  context: PulumiContext;
  sandbox?: Sandbox;
  /** Folder of Pulumi's state; undefined where its back-end is no folder. */
  backend?: string;
}

export interface OpenOptions {
  stack: string;
  /** Use the tool chain that is built from Go modules for a stack other than `sandbox`. */
  builtToolchain: boolean;
  /** Leave alone what a killed run left: another run may be at work, and this command changes nothing. */
  looksOnly?: boolean;
  /** Go on without a proxy whose URL cannot be had: what is there is removed without it. */
  takesAway?: boolean;
  /** Take over what is on the engine and a lost state does not know. Always so in the sandbox, which nobody else uses. */
  adopt?: boolean;
  /** Change nothing at all: the stack may be missing, its state broken. */
  dryRun?: boolean;
}

/**
 * Brings what a stack needs before Pulumi can run: the tool chain, in the sandbox the private engine, the stack itself;
 * and mends what a killed run has left.
 */
export async function openStack(options: OpenOptions, progress: Progress): Promise<OpenStack> {
  const { stack } = options;
  const { proxy, stateDir, engine } = checkStackFile(projectRoot, stack);
  useProxy(proxy, {
    isRequired: !options.looksOnly && !options.takesAway,
  });
  const isSandbox = readStackFile(projectRoot, stack).values["sandbox"] === true;
  if (isSandbox) {
    requireLinux();
    requireRoot();
    for (const line of followMovedClone(sandboxRoot, sandboxBackend)) progress.print(line);
  }
  const { toolchain, sandbox } = await interruptible(async (signal) => {
    const toolchain = await ensureToolchain({
      stack,
      allowBuilt: isSandbox || options.builtToolchain,
      onStep: ({ name, detail }) => progress.step(name, detail),
      signal,
    });
    progress.doneAll();
    if (!options.looksOnly && !options.dryRun) {
      const dockerHost = isSandbox ? sandboxLayout(sandboxRoot).dockerHost : engine.host;
      await finishCutOffRestart(join(stateDir, "daemon"), dockerHost, {
        stack,
        log: (line) => progress.print(line),
        signal,
        ...(isSandbox && { start: () => startEngine({ root: sandboxRoot, signal }) }),
      });
    }
    const sandbox = isSandbox ? await openSandbox(stack, progress, signal) : undefined;
    progress.doneAll();
    return { toolchain, sandbox };
  });
  const settings = settingsOfStackFile(projectRoot, stack);
  await engineAt(settings.engine.host).info(); // without it Pulumi fails with a line for every resource
  const context: PulumiContext = {
    pulumi: toolchain.pulumi,
    stack,
    root: projectRoot,
    tempDir: isSandbox ? join(sandboxRoot, "runs") : tmpdir(),
    env: {
      ...toolchain.env,
      ...sandbox?.env,
      ...backendOf(isSandbox),
      DOCKER_HOST: settings.engine.host,
      PATH: [dirname(toolchain.pulumi), sandbox?.env["PATH"] ?? process.env["PATH"]].join(delimiter),
    },
  };
  const backend = fileBackend(projectRoot, { ...process.env, ...context.env });
  if (backend && !options.looksOnly && !options.dryRun) {
    const adopt = isSandbox || options.adopt === true;
    for (const line of await mendTroubles({ backend, context, settings }, { adopt })) progress.print(line);
  }
  if (backend && !options.dryRun) await ensureStack(backend, context);
  return { settings, toolchain, context, ...(sandbox && { sandbox }), ...(backend && { backend }) };
}

function backendOf(isSandbox: boolean): Record<string, string> {
  if (!isSandbox) return {};
  mkdirSync(sandboxBackend, { recursive: true });
  return { PULUMI_BACKEND_URL: `file://${sandboxBackend}`, PULUMI_CONFIG_PASSPHRASE: "" };
}

async function openSandbox(stack: string, progress: Progress, signal: AbortSignal): Promise<Sandbox> {
  if (stack !== "sandbox")
    throw new UserError(
      `gpu-build-host:sandbox is true in Pulumi.${stack}.yaml: only the stack "sandbox" may be one.`,
    );
  const { values } = readStackFile(projectRoot, stack);
  const base = (values["cudaBase"] as { image?: string } | undefined)?.image;
  const cache = (values["registryCache"] as { image?: string } | undefined)?.image ?? "registry:3.1.1";
  const sandbox = await startSandbox({
    root: sandboxRoot,
    images: base && base !== cache ? [base] : [],
    registryImage: cache,
    onStep: ({ name, detail }) => progress.step(name, detail),
    signal,
  });
  // A stand-in that was made anew has another digest, and the one before it may be gone.
  const lock = await ImageLockFile.open(join(sandboxRoot, "images.lock.yaml"));
  for (const { name, digest } of sandbox.standIns) lock.set(name, digest);
  await lock.save();
  return sandbox;
}

/** Makes the stack where the back-end does not have it. */
async function ensureStack(backend: string, context: PulumiContext): Promise<void> {
  if (stackExists(backend, context.stack)) return;
  if (!existsSync(backend))
    throw new UserError(`Pulumi's back-end is ${backend}, which is not there: mkdir -p ${backend}`);
  await pulumi(context, ["stack", "init", context.stack]).catch((error: unknown) => {
    if (!stackExists(backend, context.stack)) throw error; // else a command beside this one has made it
  });
}
