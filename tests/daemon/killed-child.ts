import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Bundles a child that kills itself (`"killed-run"`) into a folder: it starts dozens of times. */
export async function bundleChild(
  name: "killed-run" | "killed-write" | "settle-file",
  folder: string,
): Promise<string> {
  const child = join(folder, `${name}.cjs`);
  await build({
    entryPoints: [fileURLToPath(new URL(`./${name}.ts`, import.meta.url))],
    outfile: child,
    bundle: true,
    platform: "node",
    format: "cjs",
    mainFields: ["module", "main"],
    logLevel: "error",
  });
  return child;
}

/** What a killed run is told to do; `killAt` is the number or the name of its last step. */
export interface KilledRun {
  action: "apply" | "release";
  wish: object;
  ledgerFolder: string;
  killAt: number | string;
}

/** A run that is killed at a step; the step's name, or undefined if it has no such step and ended well. */
export function killedRun(child: string, order: KilledRun): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [child, JSON.stringify(order)], (error, stdout, stderr) => {
      if (!error) resolve(undefined);
      else if (error.signal === "SIGKILL") resolve(stdout);
      else reject(new Error(stderr));
    });
  });
}
