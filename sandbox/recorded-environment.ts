import { engineEnvironment } from "./engine-environment.ts";
import { readJson } from "./json-file.ts";
import { sandboxLayout } from "./layout.ts";
import type { EngineRecord } from "./running-engine.ts";

/** Variables that reach the engine which was started in `root` last, running or not; undefined if none ever was. */
export function recordedEnvironment(root: string): Record<string, string> | undefined {
  const layout = sandboxLayout(root);
  const record = readJson<EngineRecord>(layout.engineRecord);
  return record && engineEnvironment(layout, record.binaries);
}
