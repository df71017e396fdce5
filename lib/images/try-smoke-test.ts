import { UserError } from "../errors.ts";
import { setCommand } from "../settings/commands.ts";
import { redactorOf } from "./build-secrets.ts";
import type { ImageEvent } from "./history.ts";
import type { ImageResource, RealiseOptions } from "./image-resource.ts";
import { runSmokeTest } from "./smoke-test.ts";
import { readTagLedger, type TagLedger } from "./tag-ledger.ts";
import type { SmokeTest } from "./types.ts";

/** What is known of an image's smoke test. */
export interface SmokeOutcome {
  /** Key under which a pass of just now is to be remembered. */
  key?: string;
  /** Whether the test that it passed had a GPU; undefined where it has no test. */
  gpu?: boolean;
}

const keptSmokeTests = 1000;

/** A pass counts for this very image, this command, and with or without a GPU. */
export function smokeKey(imageId: string, gpu: boolean, test: SmokeTest): string {
  return `${imageId} ${gpu ? "gpu " : ""}${JSON.stringify(test.command)}`;
}

/**
 * Runs the smoke test unless this very image has passed it. A pass with a GPU is worth more than one without: an engine
 * that gets a GPU tries again, one that lost it does not.
 */
export async function trySmokeTest(
  resource: ImageResource,
  imageId: string,
  event: ImageEvent,
  options: RealiseOptions,
): Promise<SmokeOutcome> {
  const { smokeTest } = resource;
  if (!smokeTest) return {};
  const { engine } = options;
  const { id: engineId, gpus } = await engine.info();
  const passed = (await readTagLedger(resource.stateDir, engineId)).smokeTests;
  const outcome = (gpu: boolean): SmokeOutcome => {
    event.smokeGpu = gpu;
    return { gpu };
  };
  if (passed[smokeKey(imageId, true, smokeTest)]) return outcome(true);
  if (!gpus && passed[smokeKey(imageId, false, smokeTest)]) return outcome(false);
  options.onNote?.(gpus ? "smoke test" : "smoke test without a GPU (this engine has none)");
  const result = await runSmokeTest(resource.reference, smokeTest, {
    engine,
    signal: options.signal,
    stack: resource.stack,
    image: resource.build.name,
    tags: resource.tags,
    redact: redactorOf(resource.build),
  });
  event.smokeSeconds = result.seconds;
  return { ...outcome(result.gpu), key: smokeKey(imageId, result.gpu, smokeTest) };
}

/** Remembers a pass. */
export function noteSmokeTest(ledger: TagLedger, { key }: SmokeOutcome): void {
  if (key === undefined) return;
  ledger.smokeTests[key] = new Date().toISOString();
  const keys = Object.keys(ledger.smokeTests);
  for (const old of keys.slice(0, Math.max(0, keys.length - keptSmokeTests))) delete ledger.smokeTests[old];
}

/** Why `promote.requireGpu` does not let tags move to an image that was tried without a GPU. */
export function gpuRefusal({ stack, reference, tags, build }: ImageResource): UserError {
  return new UserError(
    `image "${build.name}" passed its smoke test without a GPU, since this engine offers none, and promote.requireGpu asks for one: ${tags.join(", ")} stay where they were, and the new image stays as ${reference}; ` +
      `give the engine its GPU (npm run doctor -- --stack ${stack} --only gpu says what it lacks) and run again, or do without: ${setCommand(stack, "promote.requireGpu", "false")}`,
  );
}
