import { execa } from "execa";
import { UserError } from "../errors.ts";
import type { ManagedDaemon } from "./identify.ts";
import { holdsLogin } from "./shown-value.ts";

/**
 * Refuses keys that the running dockerd was also given as a flag: with both it reloads nothing and does not start again.
 * `runtimes` is the one key that it takes from both.
 */
export async function refuseFlagClash(daemon: ManagedDaemon, keys: string[]): Promise<void> {
  for (const key of keys) {
    const [flag] = daemon.flags.byKey.get(key) ?? [];
    if (flag === undefined || key === "runtimes") continue;
    const shown = holdsLogin(flag) ? flag.split(/[= ]/)[0]! : flag.replace(/^(--[a-z0-9-]+)=/, "$1 ");
    const place = await placeOfFlag(flag);
    throw new UserError(
      `dockerd (process ${daemon.process.pid}) was started with ${shown}, and refuses the same setting in ${daemon.file}: ` +
        `remove the flag ${place ? `from ${place}` : "(systemctl cat docker shows where it stands)"}, restart Docker, then run again`,
    );
  }
}

/** The unit file or drop-in of systemd that starts dockerd with a flag. */
async function placeOfFlag(flag: string): Promise<string | undefined> {
  const { stdout } = await execa("systemctl", ["cat", "--no-pager", "docker.service"], {
    reject: false,
    timeout: 5_000,
    stdin: "ignore",
  });
  return fileWithFlag(String(stdout ?? ""), flag);
}

/** The file whose `ExecStart=` holds a flag: each begins with its path in a comment, a later `ExecStart=` counts. */
export function fileWithFlag(units: string, flag: string): string | undefined {
  let file: string | undefined;
  let found: string | undefined;
  for (const line of units.replaceAll(/\\\n\s*/g, "").split("\n")) {
    const path = /^# (\/\S+)$/.exec(line)?.[1];
    if (path) file = path;
    const command = /^(?:ExecStart|Environment)=(.*)$/.exec(line.trim())?.[1];
    if (command === undefined) continue;
    const words = command.replaceAll(/["']/g, "").split(/\s+/).join(" ");
    if (` ${words} `.includes(` ${flag} `)) found = file;
  }
  return found;
}
