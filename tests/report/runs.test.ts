import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BuildProgress } from "../../lib/images/build-progress.ts";
import type { ImageEvent } from "../../lib/images/history-types.ts";
import { runLine, runLines } from "../../lib/report/run-lines.ts";
import { imageRunOf, runsOf } from "../../lib/report/runs.ts";
import { shortStep } from "../../lib/report/words.ts";

/** What `docker buildx build --progress rawjson` wrote, on Engine 26.1.5 with buildx 0.13.1: three stages side by side. */
function recorded(name: string): BuildProgress {
  const progress = new BuildProgress(() => {});
  progress.write(readFileSync(join(import.meta.dirname, "fixtures", `${name}.rawjson`), "utf8"));
  return progress;
}

function eventOf(name: string, further: Partial<ImageEvent> = {}): ImageEvent {
  const progress = recorded(name);
  const steps = progress.steps();
  const began = [...steps, ...progress.housekeeping()].map((step) => step.began!).sort()[0]!;
  return {
    ...{ began, time: new Date(Date.parse(began) + 5000).toISOString(), run: "", stack: "dev", image: "app" },
    ...{ hash: "h", reference: "r", tags: [], result: "built", reasons: ["file main.sh"] },
    ...{ buildSeconds: 3, smokeSeconds: 0, size: 0, fetchedBytes: progress.fetchedBytes },
    ...{ steps, housekeeping: progress.housekeeping() },
    ...further,
  };
}

const names = (steps: { name: string }[]): string[] => steps.map(({ name }) => name);

describe("a recorded build", () => {
  it("is drawn with its stages side by side", () => {
    const { spans } = imageRunOf(eventOf("first-build"));
    const lane = (words: string) => spans.find(({ what }) => what.includes(words))!.lane;
    const lanes = ["sleep 1.2", "sleep 0.8", "/dev/urandom"].map(lane);
    assert.equal(new Set(lanes).size, 3);
    for (const a of spans)
      for (const b of spans)
        if (a !== b && a.lane === b.lane && a.seconds >= 0.05 && b.seconds >= 0.05)
          assert.ok(
            a.start + a.seconds <= b.start + 0.05 || b.start + b.seconds <= a.start + 0.05,
            JSON.stringify([a, b]),
          );
    assert.deepEqual(
      spans.filter(({ kind }) => kind !== "step").map(({ kind, what }) => `${kind}: ${shortStep(what)}`),
      [
        "context: load build definition from Dockerfile",
        "pull: looking up busybox:1",
        "pull: fetching busybox:1",
        "export: exporting to image",
      ],
    );
  });

  it("tells what came from the cache, what took longest, and what was pulled", () => {
    const first = imageRunOf(eventOf("first-build"));
    const second = imageRunOf(eventOf("code-change"));
    assert.deepEqual([first.cachedSteps, first.ranSteps, first.pulledBytes], [0, 7, 1_113_471]);
    assert.deepEqual([second.cachedSteps, second.ranSteps, second.pulledBytes], [5, 2, 0]);
    assert.deepEqual(first.slowest, {
      what: "[wheels 1/2] RUN sleep 1.2 && echo wheel > /wheel",
      seconds: 1.4,
    });
    assert.equal(second.spans.filter(({ kind }) => kind === "cached").length, 5);
  });

  it("tells a step with a cache mount from BuildKit's own work with a build cache", () => {
    const step = (name: string) => ({ name, cached: false, seconds: 1, began: "2026-11-30T10:00:00Z" });
    const steps = [
      "[stage-1 2/6] RUN --mount=type=cache,id=uv,target=/root/.cache/uv uv pip install -r lock",
      "[stage-1 3/6] RUN pip3 install --no-cache-dir fastapi",
    ].map(step);
    const housekeeping = [
      "importing cache manifest from 127.0.0.1:5005/build-cache:app",
      "exporting cache to registry",
      "preparing build cache for export",
      "sending cache export",
    ].map(step);
    const { spans } = imageRunOf(eventOf("first-build", { steps, housekeeping }));
    const ofKind = (kind: string) => spans.filter((span) => span.kind === kind).map(({ what }) => what);
    assert.deepEqual(ofKind("step"), names(steps));
    assert.deepEqual(ofKind("export"), names(housekeeping));
  });

  it("is drawn from its own beginning, also where another image's build had begun an equal step before", () => {
    const shared = { name: "[stage-1 1/6] RUN apt-get update", cached: false, seconds: 50 };
    const [began, run] = ["2026-11-30T10:00:47Z", Date.parse("2026-11-30T10:00:00Z")];
    const event = eventOf("first-build", {
      ...{ began, time: "2026-11-30T10:01:00Z", buildSeconds: 13, housekeeping: [] },
      steps: [{ ...shared, began: "2026-11-30T10:00:00Z" }],
    });
    const [span] = imageRunOf(event, run).spans;
    assert.deepEqual([span?.start, span?.seconds], [47, 3]);
  });

  it("is one line after up, for all images of a run or for one with its reasons", () => {
    const run = imageRunOf(eventOf("code-change"));
    assert.deepEqual(runLines([run, { ...run, image: "other", result: "reused" }]), [
      "Where the time went:",
      "  app  3.0 s, 5 of 7 steps from the cache; slowest 0.5 s: RUN sleep 0.4",
    ]);
    assert.equal(
      runLine(imageRunOf(eventOf("first-build"))),
      "built in 3.0 s, 0 of 7 steps from the cache; slowest 1.4 s: RUN sleep 1.2 && echo wheel > /wheel; pulled 1.11 MB; why: file main.sh",
    );
    assert.deepEqual(runLines([{ ...run, result: "reused" }]), []);
  });
});

describe("runs of a history", () => {
  const at = (seconds: number) => new Date(1_790_000_000_000 + seconds * 1000).toISOString();
  const event = (
    began: number | undefined,
    ended: number,
    further: Partial<ImageEvent> = {},
  ): ImageEvent => ({
    ...eventOf("code-change"),
    ...{ steps: [], housekeeping: [], buildSeconds: 4, smokeSeconds: 1, time: at(ended) },
    began: began === undefined ? undefined : at(began),
    ...further,
  });

  it("are those of a wrapper by name, with its own time, and of a plain pulumi up by pauses", () => {
    const runs = runsOf({
      events: [
        event(10, 20, { run: "a" }),
        event(12, 31, { run: "a", image: "other" }),
        event(100, 110),
        event(115, 130, { image: "other" }),
        event(2000, 2010),
      ],
      runs: [
        {
          kind: "run",
          format: 2,
          run: "a",
          stack: "dev",
          began: at(8),
          seconds: 24,
          result: "stopped",
          changed: 2,
        },
      ],
    });
    assert.deepEqual(
      runs.map(({ began, seconds, result, images }) => [began, seconds, result, images.length]),
      [
        [at(8), 24, "stopped", 2],
        [at(100), 30, "unknown", 2],
        [at(2000), 10, "unknown", 1],
      ],
    );
    assert.equal(runs[0]!.images[0]!.spans[0]!.start, 2);
  });

  it("of an older format begin as long before their end as build and smoke test took", () => {
    const [run] = runsOf({ events: [event(undefined, 100)], runs: [] });
    assert.deepEqual([run!.began, run!.seconds], [at(95), 5]);
    assert.deepEqual(
      run!.images[0]!.spans.map(({ kind, start, seconds }) => [kind, start, seconds]),
      [
        ["build", 0, 4],
        ["smoke", 4, 1],
      ],
    );
  });

  it("say where one failed", () => {
    const [run] = runsOf({
      events: [event(10, 15, { result: "failed", smokeSeconds: 0, error: "exit code: 1" })],
      runs: [],
    });
    assert.equal(run!.result, "failed");
    assert.deepEqual(run!.images[0]!.spans, [
      { what: "failed", kind: "failed", start: 0, seconds: 5, lane: 0 },
    ]);
  });
});
