import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const source = join(import.meta.dirname, "command");

/** Version of the npm package @pulumi/command: the engine asks for exactly this one. */
export const commandVersion = "1.2.1";

/** Changes when another plugin would be made. */
export function commandPluginHash(): string {
  const hash = createHash("sha256").update(commandVersion);
  for (const file of readdirSync(source).sort()) hash.update(file).update(readFileSync(join(source, file)));
  return hash.digest("hex").slice(0, 16);
}

/** Writes the stand-in for Pulumi's command plugin into `folder`: one bundled file, since Pulumi starts it twice a run. */
export async function writeCommandPlugin(folder: string): Promise<void> {
  const { build } = await import("esbuild");
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [join(source, "main.ts")],
    outfile: join(folder, "command.cjs"),
    bundle: true,
    minify: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "silent",
    // The SDK loads the compiler only for functions that become part of a state.
    external: ["typescript", "ts-node"],
  });
  const program = join(folder, "pulumi-resource-command");
  // The Node that runs us now; after an upgrade of Node the one on PATH.
  const node = process.execPath.replaceAll("'", `'\\''`);
  writeFileSync(
    program,
    `#!/bin/sh\nnode='${node}'\n[ -x "$node" ] || node=node\nexec "$node" "$(dirname "$0")/command.cjs" "$@"\n`,
  );
  chmodSync(program, 0o755);
}
