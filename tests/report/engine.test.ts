import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { engineAt } from "../../lib/docker/engine.ts";
import { historyPath } from "../../lib/images/history.ts";
import { makeReport } from "../../lib/report/make-report.ts";
import { readReportFacts } from "../../lib/report/read-facts.ts";
import type { Report } from "../../lib/report/types.ts";
import type { Settings } from "../../lib/settings/settings.ts";
import { image, type ImageState } from "../../provider/image.ts";
import { settingsOf } from "../doctor/fed-facts.ts";
import { useImageProject } from "../provider/image-project.ts";

/** Seconds that the stand-in for pip takes: enough to be told from everything else. */
const installing = 1.5;

describe("a report on a private engine", function () {
  this.timeout(120_000);
  const { write, definition, inputsOf, session, test, folder } = lazily(useImageProject("report"));

  function settings(host = test().dockerHost): Settings {
    const services = { app: { context: "app" }, base: { context: "base" } };
    const made = settingsOf({ services, engine: { host } }, folder());
    return { ...made, stateDir: join(test().folder, "state") };
  }
  const prune = {
    settings: new Map([["dev", { versions: 3, storage: 1e9 }]]),
    stacksWithState: new Set<string>(),
    ...{ volumes: false, olderThan: 0, keepBytes: 0, now: Date.now() },
  };
  async function report(host?: string): Promise<Report> {
    const own = settings(host);
    return makeReport(await readReportFacts({ settings: own, engine: engineAt(own.engine.host), prune }));
  }
  async function up(before?: ImageState): Promise<ImageState> {
    const inputs = await inputsOf([definition("app"), definition("base")]);
    if (!before) await image.create("urn", inputs["base"]!, session());
    const { outs } = before
      ? await image.update("id", "urn", before, inputs["app"]!, session())
      : await image.create("urn", inputs["app"]!, session());
    return outs;
  }

  it("tells what each build took, what came from the cache, and which line of the Dockerfile cost it", async () => {
    // A stand-in: nothing is installed, it only takes its time.
    write("base/a.txt", `#!/bin/sh\nsleep ${installing}\n`);
    write("base/Dockerfile", "FROM busybox:1\nCOPY --chmod=755 a.txt /bin/pip\n");
    write("app/Dockerfile", "FROM base:1\nWORKDIR /app\nCOPY . /app\nRUN pip install -r requirements.txt\n");
    write("app/requirements.txt", "numpy==2.3.1\n");
    let state = await up();
    for (const text of ["two", "three"]) {
      write("app/src/main.sh", `echo ${text}\n`);
      state = await up(state);
    }
    const { runs, images, layers, disk, advice, engine, notes } = await report();

    assert.deepEqual(notes, []);
    assert.match(engine ?? "", /^Docker Engine \d+\.\d+.*, overlay2$/);
    const builds = runs.flatMap((run) => run.images).filter((one) => one.image === "app");
    assert.deepEqual(
      builds.map(({ cachedSteps, ranSteps, reasons }) => ({ cachedSteps, ranSteps, reasons })),
      [
        { cachedSteps: 0, ranSteps: 3, reasons: ["new"] },
        { cachedSteps: 1, ranSteps: 2, reasons: ["file src/main.sh"] },
        { cachedSteps: 1, ranSteps: 2, reasons: ["file src/main.sh"] },
      ],
    );
    for (const { slowest, spans } of builds) {
      assert.match(slowest?.what ?? "", /RUN pip install/);
      const run = spans.find(({ what }) => what.includes("RUN pip install"))!;
      assert.ok(run.seconds >= installing && run.seconds < installing + 5, JSON.stringify(run));
      const copy = spans.find(({ what }) => what.includes("COPY . /app"))!;
      assert.ok(copy.start <= run.start && run.kind === "step", JSON.stringify(spans));
    }
    const app = images.find(({ name }) => name === "app")!;
    assert.deepEqual([app.parents, app.builds], [["base"], 3]);
    assert.equal(app.hitRate, 2 / 9);
    assert.equal(app.size, layers.reduce((sum, { bytes }) => sum + bytes, 0) + app.unique!);
    assert.deepEqual(layers[0]!.images.sort(), ["app", "base"]);
    assert.ok(disk!.parts.find(({ what }) => what === "images")!.bytes > 0 && disk!.free! > 0);
    const line =
      /^COPY \. before pip install in app\/Dockerfile:3 cost (\d+\.\d) s in each of the last 2 builds$/;
    const cost = advice.map((one) => line.exec(one.line)?.[1]).find(Boolean);
    assert.ok(Number(cost) >= installing, JSON.stringify(advice));
  });

  it("tells the history where the engine does not answer, and which lines of it cannot be read", async () => {
    const state = await up();
    appendFileSync(historyPath(settings().stateDir, "dev"), '{"time":"20');
    write("app/src/main.sh", "echo more\n");
    await up(state);
    const { runs, images, notes, layers, disk } = await report("unix:///nowhere/docker.sock");
    assert.equal(runs.flatMap((run) => run.images).length, 3, "the line after the torn one counts");
    assert.deepEqual([layers, disk], [[], undefined]);
    assert.equal(images.find(({ name }) => name === "app")!.builds, 2);
    assert.equal(notes.length, 2);
    assert.match(
      notes[0]!,
      /builds\.jsonl: line 3 cannot be read .* and is left out; the file stays as it is$/,
    );
    assert.match(notes[1]!, /^Sizes, layers and what could be pruned are missing: .*nowhere/);
  });

  it("draws a build that failed up to the step that did", async () => {
    write("app/Dockerfile", "FROM base:1\nRUN sleep 0.6\nRUN sleep 0.4; exit 3\n");
    await assert.rejects(up());
    const [failed] = (await report()).runs.flatMap((run) => run.images).filter((one) => one.image === "app");
    assert.deepEqual([failed!.result, failed!.cachedSteps, failed!.ranSteps], ["failed", 0, 2]);
    assert.match(failed!.error!, /exit code: 3/);
    const steps = failed!.spans.filter(({ what }) => what.includes("RUN sleep"));
    assert.deepEqual(
      steps.map(({ kind }) => kind),
      ["step", "failed"],
    );
    assert.ok(steps[1]!.start >= 0.6 && steps[1]!.seconds >= 0.4, JSON.stringify(steps));
  });

  it("says in one line that a stack was never built", async () => {
    await assert.rejects(report(), {
      message:
        'The stack "dev" was never built here, so there is nothing to report. Build it: pulumi up -s dev',
    });
  });
});

/** The parts of a project that are there only once its engine runs, as functions. */
function lazily(project: ReturnType<typeof useImageProject>) {
  return { ...project, test: () => project.test, folder: () => project.folder };
}
