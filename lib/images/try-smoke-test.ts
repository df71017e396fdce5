import { redactorOf } from "./build-secrets.ts";
import type { ImageEvent } from "./history.ts";
import type { ImageResource, RealiseOptions } from "./image-resource.ts";
import { runSmokeTest } from "./smoke-test.ts";
import { readTagLedger, type TagLedger } from "./tag-ledger.ts";

const keptSmokeTests = 1000;

/** Runs the smoke test unless this very image has passed it. Returns the key under which a pass is remembered. */
export async function trySmokeTest(
  resource: ImageResource,
  imageId: string,
  event: ImageEvent,
  options: RealiseOptions,
): Promise<string | undefined> {
  const { smokeTest } = resource;
  if (!smokeTest) return undefined;
  const { engine } = options;
  const { id: engineId, gpus } = await engine.info();
  const key = `${imageId} ${gpus ? "gpu " : ""}${JSON.stringify(smokeTest.command)}`;
  if ((await readTagLedger(resource.stateDir, engineId)).smokeTests[key]) return undefined;
  options.onNote?.(gpus ? "smoke test" : "smoke test without a GPU (this engine has none)");
  const result = await runSmokeTest(resource.reference, smokeTest, {
    engine,
    signal: options.signal,
    stack: resource.stack,
    image: resource.build.name,
    redact: redactorOf(resource.build),
  });
  event.smokeSeconds = result.seconds;
  event.smokeGpu = result.gpu;
  return key;
}

/** Remembers a pass, so that the same image is not tried again by the same command. */
export function noteSmokeTest(ledger: TagLedger, key: string): void {
  ledger.smokeTests[key] = new Date().toISOString();
  const keys = Object.keys(ledger.smokeTests);
  for (const old of keys.slice(0, Math.max(0, keys.length - keptSmokeTests))) delete ledger.smokeTests[old];
}
