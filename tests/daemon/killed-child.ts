import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Bundles a child that is started dozens of times (`new URL("./killed-run.ts", import.meta.url)`) into a folder. */
export async function bundleChild(source: URL, folder: string): Promise<string> {
  const child = join(folder, "child.cjs");
  await build({
    entryPoints: [fileURLToPath(source)],
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
