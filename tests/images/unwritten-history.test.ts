import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { engineAt } from "../../lib/docker/engine.ts";
import { BuildRun } from "../../lib/images/build-run.ts";
import { historyPath, readHistory, type ImageEvent } from "../../lib/images/history.ts";
import type { ImageResource } from "../../lib/images/image-resource.ts";
import { realiseImage } from "../../lib/images/realise.ts";
import { StandInEngine } from "../docker/stand-in-engine.ts";

describe("a history that cannot be written", () => {
  let standIn: StandInEngine;
  let warnings: string[];
  const stateDir = () => join(standIn.folder, "state");
  const reference = "localhost:1/dev/app:1-0123456789abcdef";

  beforeEach(async () => {
    warnings = [];
    standIn = await StandInEngine.open();
    standIn.images = [{ id: "sha256:1", tags: [reference], layers: ["x"] }];
    // Stands for a full disk, and holds for root too.
    mkdirSync(historyPath(stateDir(), "dev"), { recursive: true });
  });
  afterEach(() => standIn.close());

  function realise(resource: Partial<ImageResource> = {}): Promise<ImageEvent> {
    return realiseImage(
      {
        ...{ stack: "dev", dockerHost: standIn.dockerHost, stateDir: stateDir(), keep: 3, parts: {} },
        ...{ reference, hash: "0123456789abcdef", tags: ["app:1"] },
        build: { name: "app", secrets: {} } as ImageResource["build"],
        ...resource,
      },
      undefined,
      {
        engine: engineAt(standIn.dockerHost),
        signal: new AbortController().signal,
        run: new BuildRun(),
        onWarning: (text) => void warnings.push(text),
      },
    );
  }
  const assertWarned = (): void => {
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, /^history not written: EISDIR/);
  };

  it("fails no image that went well", async () => {
    assert.equal((await realise()).result, "reused");
    assert.deepEqual(standIn.images[0]!.tags, [reference, "app:1"]);
    assertWarned();
  });

  it("does not hide why another failed", async () => {
    const build = { name: "app", secrets: {}, mustExist: true } as ImageResource["build"];
    await assert.rejects(
      realise({ reference: `${reference}0`, hash: "0", build }),
      /^UserError: image "app": the earlier version \S+ is not on this engine any more/,
    );
    assertWarned();
  });

  it("says nothing where it can be written", async () => {
    const elsewhere = join(standIn.folder, "other");
    await realise({ stateDir: elsewhere });
    assert.deepEqual(
      (await readHistory(elsewhere, "dev")).map(({ result }) => result),
      ["reused"],
    );
    assert.deepEqual(warnings, []);
  });
});
