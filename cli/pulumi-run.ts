import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { engineRequest, socketOf } from "../lib/docker/request.ts";
import { UserError } from "../lib/errors.ts";
import { lastCacheWords, volumeUse } from "./cache-words.ts";
import {
  eventReader,
  isChange,
  nameOf,
  plainText,
  type Change,
  type EngineEvent,
  type StepMetadata,
} from "./pulumi-events.ts";
import { stopSignals, StoppedError } from "./interrupts.ts";
import type { Progress } from "./progress.ts";
import { passphraseAdvice, readableErrors, type RunError } from "./readable-errors.ts";
import { endSession } from "./sessions.ts";

/** Where and how Pulumi runs for a stack. */
export interface PulumiContext {
  /** Path of the CLI. */
  pulumi: string;
  stack: string;
  /** The project's folder. */
  root: string;
  /** Folder for what Pulumi writes during a run and leaves behind. */
  tempDir: string;
  env: Record<string, string>;
}

/** An image as the program declared it. */
export interface DeclaredImage {
  name: string;
  reference: string;
  tags: string[];
}

export interface RunResult {
  changes: Change[];
  /** The stack's images, changed or not. */
  images: DeclaredImage[];
  seconds: number;
}

/** Runs a short Pulumi command and returns what it printed. */
export async function pulumi(context: PulumiContext, args: string[]): Promise<string> {
  const result = await execa(context.pulumi, [...args, "--non-interactive"], {
    cwd: context.root,
    env: context.env,
    reject: false,
    stdin: "ignore",
  });
  if (result.exitCode !== 0) throw new UserError(lastWords(`${result.stderr}\n${result.stdout}`));
  return result.stdout;
}

/** Lets Pulumi forget the steps that a killed run began: an import of a state's own export does just that. */
export async function clearPendingOperations(context: PulumiContext): Promise<void> {
  mkdirSync(context.tempDir, { recursive: true });
  const folder = mkdtempSync(join(context.tempDir, "state-"));
  const file = join(folder, "state.json");
  try {
    await pulumi(context, ["stack", "export", "--stack", context.stack, "--file", file]);
    await pulumi(context, ["stack", "import", "--stack", context.stack, "--file", file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs `pulumi up` or `pulumi destroy` and shows its progress: a line per resource that changes, with what it does now.
 * Ctrl-C and a closed terminal stop it cleanly: Pulumi ends the build in progress and keeps its state whole.
 *
 * @throws UserError with Pulumi's own error, without its decoration.
 */
export async function converge(
  context: PulumiContext,
  operation: string[],
  progress: Progress,
): Promise<RunResult> {
  const started = Date.now();
  const seen: Seen = { changes: [], images: new Map(), errors: [] };
  const words: string[] = [];
  const read = eventReader(
    (event) => showEvent(event, progress, seen),
    (line) => words.push(line),
  );
  mkdirSync(context.tempDir, { recursive: true });
  const temp = mkdtempSync(join(context.tempDir, "pulumi-"));
  const run = execa(context.pulumi, [...operation, "--yes", "--json", "--non-interactive"], {
    cwd: context.root,
    env: { ...context.env, TMPDIR: temp }, // Pulumi's language host leaves pipes there
    stdin: "ignore",
    buffer: false,
    reject: false,
    detached: true, // signals of the terminal reach this program only: it decides what Pulumi gets
    cleanup: false,
  });
  run.stdout.setEncoding("utf8").on("data", read);
  run.stderr
    .setEncoding("utf8")
    .on("data", (chunk: string) => words.push(...chunk.split("\n").filter(Boolean)));
  const interrupts = forwardSignals(run, progress);
  const result = await run;
  if (run.pid) await endSession(run.pid, result.signal ? 6_000 : 1_000);
  rmSync(temp, { recursive: true, force: true });
  interrupts.stop();
  if (result.exitCode === 0) {
    const { changes, images } = seen;
    return { changes, images: [...images.values()], seconds: (Date.now() - started) / 1000 };
  }
  if (interrupts.count() > 0) throw new StoppedError();
  if (result.signal)
    throw new UserError(
      `Pulumi was killed from outside (${result.signal}). Run the same command again to go on.`,
    );
  throw new UserError(await explained(seen.errors, words, context));
}

/** What went wrong, for a person; with the cache's own last words where it did not become healthy. */
async function explained(errors: RunError[], words: string[], context: PulumiContext): Promise<string> {
  const lost = await lostEngine(context.env["DOCKER_HOST"] ?? "");
  if (lost) return lost;
  const inUse = errors.filter(({ message }) => message.includes("last state: 'in_use'"));
  for (const error of inUse) error.message = (await volumeUse(context.env, context.stack)) ?? error.message;
  const lines = readableErrors(errors);
  const advice = passphraseAdvice([...lines, ...words].join("\n"));
  if (advice) return advice;
  if (lines.length === 0) return lastWords(words.join("\n"));
  if (errors.some(({ name, message }) => name?.endsWith("-server") && /healthy state/.test(message)))
    lines.push(...(await lastCacheWords(context.env, context.stack)));
  return lines.join("\n");
}

/** One line where the engine does not answer any more: all that failed failed by that. */
async function lostEngine(host: string): Promise<string | undefined> {
  try {
    await engineRequest(socketOf(host), { path: "/version", timeoutMs: 10_000 });
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `The Docker Engine at ${host} was lost in the middle of this run (${code ?? message}). Start it and run again to go on.`;
  }
}

/** What the events of a run have told so far. */
interface Seen {
  changes: Change[];
  images: Map<string, DeclaredImage>;
  errors: RunError[];
}

function showEvent(event: EngineEvent, progress: Progress, seen: Seen): void {
  const starts = event.resourcePreEvent?.metadata;
  const ends = event.resOutputsEvent?.metadata;
  const fails = event.resOpFailedEvent?.metadata;
  if (starts && isChange(starts)) progress.step(nameOf(starts.urn), verb(starts.op));
  if (ends) noteEnd(ends, progress, seen);
  if (fails) progress.done(nameOf(fails.urn), "failed");
  if (event.diagnosticEvent) showDiagnostic(event.diagnosticEvent, progress, seen.errors);
}

function noteEnd(step: StepMetadata, progress: Progress, seen: Seen): void {
  const name = nameOf(step.urn);
  const inputs = step.new?.inputs;
  if (step.type === "gpubuild:index:Image" && inputs) {
    seen.images.set(name, { name, reference: String(inputs["reference"]), tags: inputs["tags"] as string[] });
  }
  if (!isChange(step)) return;
  progress.done(name, verb(step.op, true));
  seen.changes.push({ op: step.op, type: step.type, name });
}

function showDiagnostic(
  diagnostic: NonNullable<EngineEvent["diagnosticEvent"]>,
  progress: Progress,
  errors: RunError[],
): void {
  const message = plainText(diagnostic.message);
  if (diagnostic.severity === "debug" || !message) return;
  const name = diagnostic.urn ? nameOf(diagnostic.urn) : undefined;
  if (diagnostic.severity === "error") errors.push({ ...(name && { name }), message });
  else if (diagnostic.ephemeral && name) progress.step(name, message);
  else progress.print(name ? `  ${name}: ${message}` : `  ${message}`);
}

function verb(op: string, past = false): string {
  const verbs: Record<string, [string, string]> = {
    create: ["creating", "created"],
    update: ["updating", "updated"],
    delete: ["deleting", "deleted"],
    replace: ["replacing", "replaced"],
    "create-replacement": ["creating its replacement", "replacement created"],
    "delete-replaced": ["deleting the replaced one", "the replaced one deleted"],
    "discard-replaced": ["forgetting the replaced one", "the replaced one forgotten"],
  };
  const pair = verbs[op];
  return pair ? pair[past ? 1 : 0] : op;
}

/** The first signal asks Pulumi to stop cleanly; a further one after that ends it at once. */
function forwardSignals(run: { kill: (signal: NodeJS.Signals) => boolean }, progress: Progress) {
  let received = 0;
  const onSignal = () => {
    received += 1;
    run.kill("SIGINT"); // before the words: there may be no terminal left for them
    progress.print(
      received === 1
        ? "Stopping: what is in progress is ended, nothing is left half done …"
        : "Stopping at once …",
    );
  };
  for (const signal of stopSignals) process.on(signal, onSignal);
  return {
    count: () => received,
    stop: () => {
      for (const signal of stopSignals) process.off(signal, onSignal);
    },
  };
}

function lastWords(output: string): string {
  const advice = passphraseAdvice(output);
  if (advice) return advice;
  const lines = output.split("\n").map(plainText).filter(Boolean);
  return lines.slice(-15).join("\n") || "Pulumi failed and said nothing.";
}
