import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { sandboxLayout } from "../sandbox/layout.ts";

/**
 * Lets the sandbox's state follow a clone that was moved: it names the engine's socket, which depends on the clone's
 * place. A clone that was copied starts with an empty state, since the one that it brought describes the other's engine.
 *
 * @returns a line for what was mended.
 */
export function followMovedClone(sandboxRoot: string, backend: string): string[] {
  const before = formerRoot(join(sandboxRoot, "facts.json"));
  const now = sandboxLayout(sandboxRoot);
  const state = join(backend, ".pulumi", "stacks", "gpu-build-host", "sandbox.json");
  if (!before || before === now.root || !existsSync(state)) return [];
  if (existsSync(before)) {
    rmSync(backend, { recursive: true, force: true });
    return [`This clone is a copy of ${before}: its sandbox starts with an empty state.`];
  }
  const text = readFileSync(state, "utf8");
  const old = sandboxLayout(before);
  writeFileAtomic.sync(state, text.replaceAll(old.runDir, now.runDir).replaceAll(old.root, now.root));
  return [`This clone was moved from ${before}: its state follows.`];
}

function formerRoot(factsFile: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(factsFile, "utf8")) as { root?: string }).root;
  } catch {
    return undefined; // the sandbox was never started
  }
}
