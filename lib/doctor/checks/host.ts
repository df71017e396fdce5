import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { removeLeftovers } from "../../daemon/atomic-file.ts";
import { lockHolder, type LockHolder } from "../../daemon/host-lock.ts";
import { candidatePath } from "../../daemon/ledger-file.ts";
import { setCommand } from "../../settings/commands.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";

/** Key of the lock under which commands of this clone work on a stack. */
export function stackLockKey(stack: string, root: string): string {
  return `the stack ${stack} in ${root}`;
}

export const hostChecks: CheckDefinition[] = [
  {
    id: "host.root",
    what: "Who runs this: only root sees which file a dockerd reads, and may write it.",
    fails: "it is not root, and `dockerDaemon.manage` is apply",
    run: ({ settings }) => {
      const uid = process.getuid?.() ?? 0;
      if (settings.dockerDaemon.manage !== "apply") return skip("daemon.json is not ours to write");
      if (uid === 0) return ok("root");
      return fail(
        `Changing the daemon.json of Docker needs root, and this is user ${uid}`,
        `run with sudo, or set dockerDaemon.manage to print: ${setCommand(settings.stack, "dockerDaemon.manage", "print")}`,
      );
    },
  },
  {
    id: "host.lock",
    what: "Our locks: on the stack in this clone, and on daemon.json.",
    fails: "another command holds one (its process and since when stand there)",
    run: async (facts) => {
      const daemon = await facts.daemon();
      const file = isUnknown(daemon) ? undefined : daemon.managed?.file;
      const keys = [
        stackLockKey(facts.settings.stack, facts.settings.root),
        ...(file ? [`daemon:${file}`] : []),
      ];
      const holders = await Promise.all(keys.map(lockHolder));
      const held = holders.find((holder): holder is LockHolder => holder !== undefined);
      return held
        ? fail(
            `process ${held.pid} works on the stack ${held.stack} since ${held.since}`,
            `wait for it, or stop it with: kill -INT ${held.pid}`,
          )
        : ok("free");
    },
  },
  {
    id: "host.leftovers",
    what: "Temporary files that a killed run left beside daemon.json and in the ledger's folder.",
    warns: "there are some (`--fix` removes them)",
    run: judgeLeftovers,
  },
];

async function judgeLeftovers(facts: Facts): Promise<Outcome> {
  const daemon = await facts.daemon();
  const file = isUnknown(daemon) ? undefined : daemon.managed?.file;
  if (!file) return skip("daemon.json is not ours to look at");
  const candidate = candidatePath(join(facts.settings.stateDir, "daemon"), file);
  const found = [...temporaryFiles(file), ...(existsSync(candidate) ? [candidate] : [])];
  // A candidate is there for a moment in every run that changes daemon.json.
  if (found.length === 0 || (await lockHolder(`daemon:${file}`))) return ok("none");
  return {
    ...warn(`a killed run left ${found.join(", ")}`, `rm ${found.join(" ")}`),
    repair: {
      says: `remove ${found.join(", ")}`,
      run: async () => {
        await removeLeftovers(file);
        rmSync(candidate, { force: true });
      },
    },
  };
}

function temporaryFiles(file: string): string[] {
  const prefix = `.${basename(file)}.gpu-build-host.`;
  try {
    return readdirSync(dirname(file))
      .filter((name) => name.startsWith(prefix) && !existsSync(`/proc/${name.slice(prefix.length)}`))
      .map((name) => join(dirname(file), name));
  } catch {
    return [];
  }
}
