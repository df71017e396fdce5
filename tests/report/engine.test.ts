import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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

  function settings(host = test().dockerHost, values: Record<string, unknown> = {}): Settings {
    const services = { app: { context: "app" }, base: { context: "base" } };
    const made = settingsOf({ services, engine: { host }, ...values }, folder());
    return { ...made, stateDir: join(test().folder, "state") };
  }
  const prune = {
    settings: new Map([["dev", { versions: 3, storage: 1e9 }]]),
    stacksWithState: new Set<string>(),
    ...{ volumes: false, olderThan: 0, keepBytes: 0, now: Date.now() },
  };
  async function report(host?: string, values?: Record<string, unknown>): Promise<Report> {
    const own = settings(host, values);
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
      /^COPY \. before pip install in app\/Dockerfile:3 cost (\d+\.\d) s in each of the last 2 code changes$/;
    const cost = advice.map((one) => line.exec(one.line)?.[1]).find(Boolean);
    assert.ok(Number(cost) >= installing, JSON.stringify(advice));
  });

  it("measures each cache of this stack, a volume taken over included, and counts what clients had of it", async () => {
    await up();
    const docker = await test().engine.client();
    const digest = "ab".repeat(32);
    const blob = `docker/registry/v2/blobs/sha256/ab/${digest}/data`;
    const made: [name: string, stack: string | undefined, file: string, bytes: number][] = [
      ["somebodys-cache", undefined, blob, 30_000],
      ["gpu-build-host-dev-registry-cache-nvcr.io", "dev", "layers", 4_000],
      ["gpu-build-host-dev-package-cache", "dev", "packages", 500],
      ["gpu-build-host-dev-build-cache", "dev", "steps", 60],
      ["gpu-build-host-other-registry-cache", "other", "layers", 7_000_000],
      ["foreign", undefined, "data", 8_000_000],
    ];
    const folders = new Map<string, string>();
    for (const [name, stack, file, bytes] of made) {
      await docker.createVolume({ Name: name, ...(stack && { Labels: { "gpu-build-host.stack": stack } }) });
      const { Mountpoint } = await docker.getVolume(name).inspect();
      folders.set(name, Mountpoint);
      mkdirSync(dirname(join(Mountpoint, file)), { recursive: true });
      writeFileSync(join(Mountpoint, file), Buffer.alloc(bytes));
    }
    const hourAgo = Date.now() / 1000 - 3600;
    utimesSync(join(folders.get("somebodys-cache")!, blob), hourAgo, hourAgo);
    // A stand-in for the registry: it has the files, and a log with two requests for what is there and one for what is not.
    const [day, month, year, clock] = new Date().toUTCString().slice(5).split(" ");
    const request = (name: string, bytes: number): string =>
      `127.0.0.1 - - [${day}/${month}/${year}:${clock} +0000] "GET /v2/library/busybox/blobs/sha256:${name} HTTP/1.1" 200 ${bytes} "" "docker/28.5.2"`;
    const log = [request(digest, 30_000), request(digest, 30_000), request("cd".repeat(32), 90)].join("\n");
    const container = await docker.createContainer({
      name: "gpu-build-host-dev-registry-cache",
      Image: "base:1",
      Cmd: ["sh", "-c", 'echo "nobody:x:65534:65534::/:/bin/sh" >> /etc/passwd; echo "$LOG"; sleep 600'],
      Env: [`LOG=${log}`],
      HostConfig: { NetworkMode: "none", Binds: ["somebodys-cache:/var/lib/registry"] },
    });
    try {
      await container.start();
      while (!String(await container.logs({ stdout: true, follow: false })).includes("cdcd")) await sleep(50);
      const values = {
        registryCache: {
          ...{ volume: "somebodys-cache", maxSize: "20kB" },
          registries: { "nvcr.io": { port: 5001 } },
        },
        packageCache: { mode: "own", pythonStorage: "10MB", debianStorage: "10MB", wheelStorage: "10MB" },
        buildCache: { type: "registry", port: 5005 },
      };
      const { disk, notes, prune: proposed } = await report(undefined, values);
      assert.deepEqual(notes, []);
      assert.deepEqual(
        disk!.parts.slice(3).map(({ kind, bytes, limit }) => [kind, bytes, limit]),
        [
          ["registry-cache", 34_000, 20_000],
          ["package-cache", 500, 30e6],
          ["build-cache-registry", 60, undefined],
        ],
      );
      const { since, ...counted } = disk!.cache!;
      assert.deepEqual(counted, { requests: 3, hits: 2, pulledBytes: 90 });
      assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000, since);
      assert.deepEqual(readdirSync(folders.get("somebodys-cache")!), ["docker"], "nothing is written");
      assert.ok(!JSON.stringify(proposed).includes("somebodys-cache"), "a prune has no say in it");

      const gone = await report(undefined, { registryCache: { volume: "gone" } });
      assert.deepEqual(gone.notes, [
        "The registry cache's size is missing: the engine measures no volume gone (registryCache.volume)",
      ]);
    } finally {
      await container.remove({ force: true });
      for (const [name] of made) await docker.getVolume(name).remove();
    }
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
