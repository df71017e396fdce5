import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { BuildRun } from "../../lib/images/build-run.ts";
import type { Engine } from "../../lib/docker/engine.ts";
import type { ImageEvent } from "../../lib/images/history.ts";
import type { ImageResource } from "../../lib/images/image-resource.ts";
import { withTagLedger } from "../../lib/images/tag-ledger.ts";
import { gpuRefusal, noteSmokeTest, trySmokeTest } from "../../lib/images/try-smoke-test.ts";

/** A stand-in for an engine: there is no GPU where this was written. It notes how containers are asked for. */
class StandInEngine {
  readonly host = "unix:///var/run/docker.sock";
  readonly asked: { HostConfig: { DeviceRequests?: unknown[] } }[] = [];
  readonly id = `stand-in-${process.pid}`;
  gpus = false;
  exitCode = 0;

  async info() {
    return { id: this.id, version: "28.5.1", gpus: this.gpus };
  }

  async client() {
    const container = {
      attach: async () => new PassThrough(),
      start: async () => undefined,
      wait: async () => ({ StatusCode: this.exitCode }),
      remove: async () => undefined,
    };
    return {
      createContainer: async (options: StandInEngine["asked"][number]) => {
        this.asked.push(options);
        return container;
      },
      modem: { demuxStream: () => undefined },
    };
  }
}

describe("the smoke test's outcome (on a stand-in for an engine with a GPU)", () => {
  let stateDir: string;
  let engine: StandInEngine;
  const event = {} as ImageEvent;
  const resource = (): ImageResource => ({
    ...{ stack: "dev", dockerHost: "unix:///var/run/docker.sock", stateDir, keep: 3, hash: "0", parts: {} },
    ...{ reference: "localhost:1/dev/app:1-0", tags: ["app:1"] },
    smokeTest: { command: ["true"], timeoutSeconds: 5 },
    build: { name: "app", secrets: {} } as ImageResource["build"],
  });

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "gbh-smoke-"));
    engine = new StandInEngine();
  });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  /** Tries the image as a run does, and remembers a pass. */
  async function tried(imageId = "sha256:a"): Promise<boolean | undefined> {
    const options = {
      engine: engine as unknown as Engine,
      signal: new AbortController().signal,
      run: new BuildRun(),
    };
    const outcome = await trySmokeTest(resource(), imageId, event, options);
    await withTagLedger({ stateDir, engineId: engine.id, stack: "dev" }, async (ledger) =>
      noteSmokeTest(ledger, outcome),
    );
    return outcome.gpu;
  }

  it("asks for all GPUs where the engine offers any, and says so in the history", async () => {
    engine.gpus = true;
    assert.equal(await tried(), true);
    assert.equal(event.smokeGpu, true);
    assert.deepEqual(engine.asked[0]!.HostConfig.DeviceRequests, [{ Count: -1, Capabilities: [["gpu"]] }]);
    engine.gpus = false;
    assert.equal(await tried("sha256:b"), false);
    assert.equal(engine.asked[1]!.HostConfig.DeviceRequests, undefined);
  });

  it("tries again when a GPU comes, not when one goes, and each very image for itself", async () => {
    assert.equal(await tried(), false);
    assert.equal(await tried(), false);
    assert.equal(engine.asked.length, 1, "a pass is remembered");
    engine.gpus = true;
    assert.equal(await tried(), true);
    assert.equal(engine.asked.length, 2, "the pass without a GPU does not count with one");
    engine.gpus = false;
    assert.equal(await tried(), true, "the pass with a GPU is not forgotten");
    assert.equal(event.smokeGpu, true);
    assert.equal(engine.asked.length, 2);
    assert.equal(await tried("sha256:b"), false);
    assert.equal(engine.asked.length, 3);
  });

  it("offers the GPUs also to who looks into an image that failed", async () => {
    engine.gpus = true;
    engine.exitCode = 3;
    await assert.rejects(
      tried(),
      /docker run --rm -it --network none --entrypoint sh --gpus all localhost:1\/dev\/app:1-0\n/,
    );
  });

  it("refuses in one line that says what stays and both ways on", () => {
    const { message } = gpuRefusal(resource());
    assert.doesNotMatch(message, /\n/);
    assert.match(message, /app:1 stay where they were, and the new image stays as localhost:1\/dev\/app:1-0/);
    assert.match(message, /pulumi config set --stack dev --path gpu-build-host:promote.requireGpu false$/);
  });
});
