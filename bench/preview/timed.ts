import { execa } from "execa";

/** What one run of a command cost, in seconds. */
export interface Cost {
  wall: number;
  /** Of all its processes, user and system together. */
  cpu: number;
}

export interface Command {
  args: [string, ...string[]];
  cwd: string;
  env?: Record<string, string>;
  /** Exit codes that count as done. @default only 0 */
  exitCodes?: number[];
}

/** Runs a command once. The shell's own `time` counts what child processes used. Throws with its output where it fails. */
export async function timed({ args, cwd, env = {}, exitCodes = [0] }: Command): Promise<Cost> {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@"';
  const { exitCode, stdout, stderr } = await execa("bash", ["-c", script, "bash", ...args], {
    cwd,
    env: { CI: "true", ...env },
    reject: false,
    stdin: "ignore",
  });
  if (!exitCodes.includes(exitCode ?? -1))
    throw new Error(`${args.join(" ")} ended with ${exitCode}:\n${stdout}\n${stderr}`);
  const [wall = NaN, user = NaN, system = NaN] = stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
  return { wall, cpu: user + system };
}
