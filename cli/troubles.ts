import { rmSync } from "node:fs";
import { join } from "node:path";
import { engineAt } from "../lib/docker/engine.ts";
import { UserError } from "../lib/errors.ts";
import { stackRepository } from "../lib/images/image-reference.ts";
import type { Settings } from "../lib/settings/settings.ts";
import { readStateFile, restoreState, type StackState } from "../lib/state-files/state-file.ts";
import { deadLocks, removeLock } from "./dead-locks.ts";
import { clearPendingOperations, type PulumiContext } from "./pulumi-run.ts";

/** Something that a killed run or a lost file has left, and what mends it. */
export interface Trouble {
  id: "dead-lock" | "broken-state" | "lost-state" | "stray-container" | "pending-operations";
  /** e.g. `"the lock of process 4711, which is gone"` */
  what: string;
  /** e.g. `"remove it"` */
  remedy: string;
  /** @returns the line that tells what was done. */
  mend: () => Promise<string>;
}

export interface Examined {
  /** Folder of Pulumi's state. */
  backend: string;
  context: PulumiContext;
  settings: Settings;
}

/**
 * What is wrong with a stack's state, in the order in which it has to be mended. Changes nothing.
 *
 * @throws UserError when another run is at work on the stack.
 */
export async function troublesOf({ backend, context, settings }: Examined): Promise<Trouble[]> {
  const { stack } = context;
  const troubles: Trouble[] = deadLocks(backend, stack).map((lock) => ({
    id: "dead-lock",
    what: lock.pid
      ? `the lock of process ${lock.pid}, which is gone`
      : `a lock that nobody finished, ${lock.file}`,
    remedy: "remove it, and end what is left of that run",
    mend: () => removeLock(lock),
  }));
  const found = readStateFile(backend, stack);
  if (found.broken) {
    const { why, backup } = found.broken;
    troubles.push({
      id: "broken-state",
      what: `the state ${found.file} is broken: ${why}`,
      remedy: backup ? `put ${backup.name} in its place` : "go on without it: there is no back-up",
      mend: async () => restoreState(found),
    });
  }
  const containers = await engineAt(settings.engine.host).containers({
    label: [`gpu-build-host.stack=${stack}`],
  });
  const lost = isUnused(found.state) ? await lostState(stack, settings, containers) : undefined;
  if (lost) troubles.push(lost);
  else troubles.push(...strayContainers(found.state, containers, settings.engine.host));
  if (found.state && found.state.pending.length > 0) {
    const { pending } = found.state;
    troubles.push({
      id: "pending-operations",
      what: `${pending.length} steps that a killed run began (${pending.map(({ type, urn }) => `${type} ${urn.split("::").at(-1)}`).join(", ")})`,
      remedy: "forget them: what they made is found again or made anew",
      mend: async () => {
        await clearPendingOperations(context);
        return `${pending.length} steps that a killed run began are forgotten.`;
      },
    });
  }
  return troubles;
}

/** No run has ever got anything into this state: even the first thing of a run is the stack itself. */
function isUnused(state: StackState | undefined): boolean {
  return !state || (state.resources.length === 0 && state.pending.length === 0);
}

/** What the stack has on its engine by label, name and ledger, if that is more than images: those are found anyway. */
async function lostState(
  stack: string,
  settings: Settings,
  containers: Labelled[],
): Promise<Trouble | undefined> {
  const { allLedgers } = await import("../lib/daemon/ledger-file.ts"); // most starts need none of it
  const engine = engineAt(settings.engine.host);
  const [images, ledgers] = await Promise.all([
    engine.names(`${stackRepository(stack)}/*`),
    allLedgers(join(settings.stateDir, "daemon")),
  ]);
  const claims = ledgers.flatMap((ledger) => ledger.claims).filter((claim) => claim.stack === stack);
  const entries = [
    ...new Set(
      claims.map((claim) =>
        claim.pointer === "/registry-mirrors" && "element" in claim
          ? `mirror ${claim.element}`
          : `daemon.json's ${claim.pointer}`,
      ),
    ),
  ];
  if (containers.length + entries.length === 0) return undefined;
  const things = [
    ...containers.map(({ name }) => `container ${name}`),
    ...entries,
    ...images.map(({ name }) => `image ${name}`),
  ];
  const some = `${things.slice(0, 6).join(", ")}${things.length > 6 ? ", …" : ""}`;
  return {
    id: "lost-state",
    what: `${things.length} things of the stack ${stack} that its state does not know: ${some}`,
    remedy: "adopt them: volume, images and mirror stay, the container is made anew",
    mend: async () => {
      for (const { id } of containers) await engine.removeContainer(id);
      return `The state of the stack ${stack} is lost: ${things.length} things of it are adopted.`;
    },
  };
}

/** A container with the stack's label. */
interface Labelled {
  id: string;
  name: string;
}

/** Killed while it was created, a container is in no state, and its name would block every later run. */
function strayContainers(
  state: StackState | undefined,
  containers: Labelled[],
  dockerHost: string,
): Trouble[] {
  const known = new Set(
    state?.resources.filter(({ type }) => type === "docker:index/container:Container").map(({ id }) => id),
  );
  return containers
    .filter(({ id }) => !known.has(id))
    .map(({ id, name }) => ({
      id: "stray-container",
      what: `the container ${name}, which the state does not know`,
      remedy: "remove it",
      mend: async () => {
        await engineAt(dockerHost).removeContainer(id);
        return `The container ${name} of a killed run is removed.`;
      },
    }));
}

/**
 * Mends what can be mended without asking.
 *
 * @param adopt also take over what a lost state has left on an engine that others may use, too.
 * @returns a line for each thing that was mended.
 * @throws UserError that names `npm run recover` where that is the user's decision.
 */
export async function mendTroubles(examined: Examined, { adopt }: { adopt: boolean }): Promise<string[]> {
  const { context, settings } = examined;
  const troubles = await troublesOf(examined);
  const lost = troubles.find(({ id }) => id === "lost-state");
  if (lost && !adopt) {
    const broken = troubles.find(({ id }) => id === "broken-state");
    const reason = broken ? `${sentence(broken.what)}, without a back-up. Found ` : "Found ";
    throw new UserError(`${reason}${lost.what}. To adopt them: npm run recover -- --stack ${context.stack}`);
  }
  const lines: string[] = [];
  for (const { mend } of troubles) lines.push(await mend());
  if (settings.sandbox) rmSync(context.tempDir, { recursive: true, force: true });
  return lines;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
