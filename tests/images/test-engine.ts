import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine, stopEngine } from "../../sandbox/engine.ts";
import { engineAt, type Engine } from "../../lib/docker/engine.ts";

/** A private engine for one test file, with `docker` on PATH reaching it. */
export interface TestEngine {
  engine: Engine;
  dockerHost: string;
  /** Folder of the test file, removed by `stop`. */
  folder: string;
  stop(): Promise<void>;
}

/** Starts a private engine in a temporary folder and sets the variables with which `docker` reaches it. */
export async function startTestEngine(
  name: string,
  imageStore: "overlay2" | "containerd" = "overlay2",
): Promise<TestEngine> {
  const folder = mkdtempSync(join(tmpdir(), `gbh-${name}-`));
  const root = join(folder, "engine");
  const running = await startEngine({ root, imageStore });
  const before = new Map(Object.keys(running.env).map((key) => [key, process.env[key]]));
  Object.assign(process.env, running.env);
  return {
    engine: engineAt(running.dockerHost),
    dockerHost: running.dockerHost,
    folder,
    async stop() {
      await stopEngine(root);
      for (const [key, value] of before) {
        if (value === undefined) delete process.env[key];
        else process.env[key] = value;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
