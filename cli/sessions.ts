import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Ends what is left of a Pulumi that is gone. Pulumi is the leader of its session, and all its plugins belong to it.
 *
 * @param graceMs Milliseconds in which they may end by themselves: our provider stops its builds when Pulumi is gone.
 * @returns how many had to be killed.
 */
export async function endSession(session: number, graceMs: number): Promise<number> {
  const deadline = Date.now() + graceMs;
  while (processesOf(session).length > 0 && Date.now() < deadline) await sleep(50);
  const left = processesOf(session);
  for (const pid of left) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it ended by itself
    }
  }
  return left.length;
}

/** Command lines of what Pulumi starts: itself, language host, plugins, our program and provider, builds. */
const pulumiParts =
  /(^|[/\s])pulumi(-|\s|$)|@pulumi\/|bootstrap\/provider\.mjs|docker(-|\s)buildx|plugins\/resource-/;

/** The session's number may belong to somebody else by now (after a reboot), so only Pulumi's parts count. */
function processesOf(session: number): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid && sessionOf(entry) === session)
    .filter((entry) => pulumiParts.test(commandOf(entry)))
    .map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Session of a running process; undefined for one that is gone or that its parent has not collected yet. */
function sessionOf(pid: string): number | undefined {
  try {
    // After the name in brackets: state, parent, group, session.
    const [state, , , session] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return state === "Z" || state === "X" ? undefined : Number(session);
  } catch {
    return undefined;
  }
}
