import { npmCommand } from "../../settings/commands.ts";
import { locksOf, removeLockFiles, type FoundLock } from "../../state-files/stack-locks.ts";
import { readStateFile } from "../../state-files/state-file.ts";
import { fail, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";

const elsewhere = "Pulumi's state is not in a folder of this machine";

/** The command that converges the stack and mends what a killed run left. */
export function startCommand({ settings }: Pick<Facts, "settings">): string {
  return npmCommand("npm start", settings.stack);
}

export const pulumiChecks: CheckDefinition[] = [
  {
    id: "pulumi.lock",
    what: "Locks on the stack in Pulumi's file back-end, and whether their owners live.",
    fails: "a living process of this machine holds one, or another machine's",
    warns: "its owner is gone (`--fix` removes it)",
    run: (facts) => {
      if (!facts.backend) return skip(elsewhere);
      return judgeLocks(locksOf(facts.backend, facts.settings.stack), facts);
    },
  },
  {
    id: "pulumi.state",
    what: "The stack's state file.",
    fails: "it is cut off or no JSON",
    run: ({ backend, settings }) => {
      if (!backend) return skip(elsewhere);
      const { file, state, broken } = readStateFile(backend, settings.stack);
      if (broken) return fail(`${file} is broken: ${broken.why}`, fixOf(file, broken.backup, settings));
      return state ? ok("whole") : skip(`the stack ${settings.stack} has no state yet`);
    },
  },
  {
    id: "pulumi.pending",
    what: "Operations that a killed run left open in the state.",
    warns: "there are some; they are listed",
    run: (facts) => {
      if (!facts.backend) return skip(elsewhere);
      const { state, broken } = readStateFile(facts.backend, facts.settings.stack);
      if (!state || broken) return skip("there is no state to read");
      if (state.pending.length === 0) return ok("none");
      const steps = state.pending.map(({ type, urn }) => `${type} ${urn.split("::").at(-1)}`);
      return warn(
        `a killed run left open: ${steps.join(", ")}`,
        `${startCommand(facts)}; if it stays: pulumi refresh -s ${facts.settings.stack} --clear-pending-creates --yes`,
      );
    },
  },
];

function fixOf(
  file: string,
  backup: { name: string; path?: string } | undefined,
  settings: Facts["settings"],
): string {
  if (!backup) return `move ${file} away; ${startCommand({ settings })} makes a new one`;
  if (!backup.path) return `${startCommand({ settings })} puts ${backup.name} in its place`;
  return `cp ${backup.path} ${file}, then pulumi refresh`;
}

function judgeLocks(locks: FoundLock[], facts: Facts): Outcome {
  const alive = locks.find(({ owner }) => owner === "alive")?.lock;
  if (alive)
    return fail(
      `process ${alive.pid} of ${alive.username} works on the stack since ${alive.timestamp}`,
      `wait for it, or stop it with: kill -INT ${alive.pid}`,
    );
  const other = locks.find(({ owner }) => owner === "elsewhere")?.lock;
  if (other)
    return fail(
      `locked by ${other.username} on ${other.hostname} since ${other.timestamp}`,
      `if that run is gone: pulumi cancel --stack ${facts.settings.stack}`,
    );
  if (locks.length === 0) return ok("none");
  const pids = locks.map(({ lock }) => lock?.pid ?? "unknown").join(", ");
  return {
    ...warn(`a killed run left its lock (process ${pids})`, `${startCommand(facts)} removes it`),
    repair: {
      says: `remove the dead lock of process ${pids} on the stack ${facts.settings.stack}`,
      run: async () => {
        if (!facts.backend) return;
        // Looked at again: a run may have begun meanwhile.
        for (const { file, owner } of locksOf(facts.backend, facts.settings.stack))
          if (owner === "dead") removeLockFiles(file);
      },
    },
  };
}
