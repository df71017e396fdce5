import { spawn } from "node:child_process";

/** How a program ended that was given only so long. */
export type BriefRun =
  | { state: "ended"; exitCode: number; stdout: string; stderr: string }
  | { state: "missing" }
  | { state: "silent" };

export interface BriefRunOptions {
  env?: NodeJS.ProcessEnv;
  timeoutMs: number;
  signal?: AbortSignal;
}

/** Characters of each stream that are kept, about: a program that is broken may print without end. */
const kept = 1_000_000;

/**
 * Runs a program and waits no longer than the limit, even for one that hangs in the kernel and cannot be killed, as
 * nvidia-smi does with a broken driver: it is left behind and does not keep this program alive.
 */
export function runBriefly(program: string, args: string[], options: BriefRunOptions): Promise<BriefRun> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      ...(options.env && { env: options.env }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        if (output[name].length < kept) output[name] += chunk;
      });
    const finish = (run: BriefRun) => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", giveUp);
      resolve(run);
    };
    const giveUp = () => {
      child.kill("SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      finish({ state: "silent" });
    };
    const timer = setTimeout(giveUp, options.timeoutMs);
    options.signal?.addEventListener("abort", giveUp);
    child.once("error", () => finish({ state: "missing" }));
    child.once("close", (code) => finish({ state: "ended", exitCode: code ?? -1, ...output }));
  });
}
