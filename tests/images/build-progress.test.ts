import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildProgress } from "../../lib/images/build-progress.ts";
import { readHistoryText } from "../../lib/images/history-text.ts";
import { secretProblems } from "../../lib/images/build-secrets.ts";
import {
  appendEvent,
  appendRun,
  historyPath,
  latestByImage,
  readHistory,
  readRun,
  readWholeHistory,
  type ImageEvent,
} from "../../lib/images/history.ts";

const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1000).toISOString();
const messages = [
  { vertexes: [{ digest: "a", name: "[internal] load build definition", started: at(0), completed: at(0) }] },
  {
    vertexes: [
      { digest: "b", name: "[builder 1/3] FROM docker.io/library/os:1" },
      { digest: "c", name: "[builder 2/3] COPY a b" },
    ],
  },
  { vertexes: [{ digest: "b", name: "[builder 1/3] FROM docker.io/library/os:1", started: at(0) }] },
  { statuses: [{ id: "sha256:1", vertex: "b", name: "downloading", current: 10, total: 70 }] },
  {
    statuses: [
      { id: "sha256:1", vertex: "b", name: "downloading", current: 70, total: 70 },
      { id: "extracting sha256:1", vertex: "b" },
    ],
  },
  { vertexes: [{ digest: "b", name: "[builder 1/3] FROM docker.io/library/os:1", completed: at(0.8) }] },
  {
    vertexes: [
      { digest: "c", name: "[builder 2/3] COPY a b", started: at(1), completed: at(1), cached: true },
    ],
  },
  { vertexes: [{ digest: "d", name: '[builder 3/3] RUN echo "{" > b && false', started: at(1) }] },
  { logs: [{ vertex: "d", data: Buffer.from("line one\nline two\n").toString("base64") }] },
  {
    vertexes: [
      {
        digest: "d",
        name: '[builder 3/3] RUN echo "{" > b && false',
        started: at(1),
        completed: at(3.5),
        error: "exit code: 1",
      },
    ],
  },
];

describe("reading docker buildx's rawjson", () => {
  for (const [form, indent] of [
    ["one object a line", 0],
    ["pretty-printed", 2],
  ] as const)
    for (const size of [1, 7, 10_000])
      it(`reads it ${form}, in pieces of ${size}`, () => {
        const steps: string[] = [];
        const progress = new BuildProgress((step) => steps.push(step));
        const text = `${messages.map((message) => JSON.stringify(message, null, indent)).join("\n")}\nDockerfile:4\n--------\n 4 | >>> RUN {x}\nERROR: failed to solve: {no json}\n`;
        for (let from = 0; from < text.length; from += size) progress.write(text.slice(from, from + size));
        assert.deepEqual(steps, [
          "[builder 1/3] FROM docker.io/library/os:1",
          '[builder 3/3] RUN echo "{" > b && false',
        ]);
        assert.deepEqual(progress.steps(), [
          { name: "[builder 2/3] COPY a b", cached: true, seconds: 0, began: at(1) },
          {
            name: '[builder 3/3] RUN echo "{" > b && false',
            cached: false,
            seconds: 2.5,
            began: at(1),
            error: "exit code: 1",
          },
        ]);
        assert.deepEqual(progress.housekeeping(), [
          { name: "[builder 1/3] FROM docker.io/library/os:1", cached: false, seconds: 0.8, began: at(0) },
        ]);
        assert.deepEqual(progress.failure(), {
          step: '[builder 3/3] RUN echo "{" > b && false',
          lines: ["line one", "line two"],
        });
        assert.equal(progress.fetchedBytes, 70);
        assert.equal(
          progress.text,
          "Dockerfile:4\n--------\n 4 | >>> RUN {x}\nERROR: failed to solve: {no json}",
        );
      });
});

describe("build secrets", () => {
  it("are refused where unset, empty, missing or no file, one line each, without their value", () => {
    const secrets = {
      a: { env: "SET" },
      b: { env: "UNSET" },
      c: { env: "EMPTY" },
      d: { file: "/no/such/file" },
      e: { file: "/" },
      f: { file: "/etc/passwd" },
    };
    assert.deepEqual(secretProblems("app", secrets, { SET: "value", EMPTY: "" }), [
      'image "app": the build secret "b" comes from the variable UNSET, which is not set; export UNSET=… and run again',
      'image "app": the build secret "c" comes from the variable EMPTY, which is empty; export EMPTY=… and run again',
      'image "app": the build secret "d" comes from /no/such/file, which does not exist; mend it or change the setting',
      'image "app": the build secret "e" comes from /, which is not a file; mend it or change the setting',
    ]);
  });
});

describe("the history of builds", () => {
  it("is read back by run and by image, a torn line left out", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gbh-history-"));
    try {
      const event = (further: Partial<ImageEvent>): ImageEvent => ({
        ...{
          time: at(0),
          run: "1",
          stack: "dev",
          image: "app",
          hash: "h",
          reference: "r",
          tags: [],
          result: "built",
          reasons: ["new"],
        },
        ...{ buildSeconds: 1, smokeSeconds: 0, steps: [], size: 5, fetchedBytes: 0 },
        ...further,
      });
      assert.deepEqual(await readHistory(folder, "dev"), []);
      await appendEvent(folder, event({}));
      await appendEvent(folder, event({ run: "2", hash: "i" }));
      await appendEvent(folder, event({ run: "2", hash: "j", result: "failed", error: "why" }));
      appendFileSync(historyPath(folder, "dev"), '{"time":"20');
      assert.equal((await readHistory(folder, "dev")).length, 3);
      const run = { run: "3", stack: "dev", began: at(0), seconds: 2, result: "done" as const, changed: 0 };
      await appendRun(folder, run);
      assert.deepEqual(await readWholeHistory(folder, "dev"), {
        events: await readHistory(folder, "dev"),
        runs: [{ kind: "run", format: 2, ...run }],
        unreadable: [4],
      });
      assert.deepEqual(
        (await readRun(folder, "dev", "2")).map(({ hash }) => hash),
        ["i", "j"],
      );
      assert.equal((await latestByImage(folder, "dev")).get("app")?.hash, "i");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("of an older version is read with what it lacks left empty, and what is no event is counted", () => {
    const old = { time: at(9), image: "app", hash: "h", reference: "r", result: "built", buildSeconds: 4 };
    const text = [
      JSON.stringify(old),
      "[1]",
      '{"image":"app"}',
      '{"kind":"run","run":"1"}',
      JSON.stringify({ ...old, steps: [{ name: "[1/1] RUN make" }, 3] }),
    ].join("\n");
    const { events, runs, unreadable } = readHistoryText(text);
    assert.deepEqual([runs, unreadable], [[], [2, 3, 4]]);
    assert.deepEqual(
      events.map(({ reasons, tags, buildSeconds, fetchedBytes }) => ({
        reasons,
        tags,
        buildSeconds,
        fetchedBytes,
      })),
      [0, 1].map(() => ({ reasons: [], tags: [], buildSeconds: 4, fetchedBytes: 0 })),
    );
    assert.deepEqual(events[1]!.steps, [{ name: "[1/1] RUN make", cached: false, seconds: 0 }]);
  });
});
