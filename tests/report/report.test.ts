import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSyntax } from "../../lib/images/dockerfile-syntax.ts";
import { stepsOfStack } from "../../lib/report/dockerfile-steps.ts";
import { layerTree, sizesOfImage } from "../../lib/report/layer-tree.ts";
import { makeReport } from "../../lib/report/make-report.ts";
import { reportPage } from "../../lib/report/page/page.ts";
import { patchAges } from "../../lib/report/patches.ts";
import { settingsOfStackFile } from "../../lib/settings/load.ts";
import { hitRateOf, inWords, shortStep } from "../../lib/report/words.ts";
import { content } from "../prune/facts.ts";
import { madeFacts } from "./made-facts.ts";
import { now } from "./made-history.ts";

const report = makeReport(madeFacts());

describe("a report's advice", () => {
  const lines = (facts = madeFacts()) => makeReport(facts).advice.map(({ line }) => line);

  it("says what an order of a Dockerfile cost in each of the last changes of code", () => {
    assert.deepEqual(report.advice[0], {
      line: "COPY . before pip3 install in services/whisperx/Dockerfile:7 cost 41 s in each of the last 5 code changes",
      fix: "move it below line 8; what the install reads (a requirements file, a lock) is copied above by name",
      seconds: 41,
    });
  });

  it("does not count builds in which the packages themselves, the Dockerfile or a base had changed", () => {
    const facts = madeFacts();
    for (const event of facts.history.events)
      if (event.image === "whisperx") event.reasons = ["file app/requirements.txt", "file app/main.py"];
    assert.ok(!lines(facts).some((line) => line.includes("COPY .")));
    for (const event of facts.history.events) if (event.image === "whisperx") event.reasons = ["Dockerfile"];
    assert.ok(!lines(facts).some((line) => line.includes("COPY .")));
  });

  it("says in how many of the last code changes it was so, and nothing where the step never ran again", () => {
    const facts = madeFacts();
    const code = facts.history.events.filter(
      ({ image, reasons, result }) =>
        image === "whisperx" && reasons[0] === "file app/main.py" && result === "built",
    );
    for (const event of code.slice(0, -2)) for (const step of event.steps) step.cached = true;
    assert.match(lines(facts)[0]!, /cost 41 s in 2 of the last 5 code changes$/);
    for (const event of code) for (const step of event.steps) step.cached = true;
    assert.ok(!lines(facts).some((line) => line.includes("COPY .")));
  });

  it("counts changes of code only: the last builds of all may have taken the step from the cache", () => {
    const facts = madeFacts();
    const last = facts.history.events.findLast(({ image }) => image === "whisperx")!;
    const steps = last.steps.map((step) => ({ ...step, cached: true, seconds: 0 }));
    for (let build = 0; build < 5; build++)
      facts.history.events.push({ ...last, reasons: ["smoke test"], steps });
    assert.match(lines(facts)[0]!, /cost 41 s in each of the last 5 code changes$/);
    facts.history.events = facts.history.events.filter(
      (event) => event === last || event.reasons[0] !== "file app/main.py",
    );
    assert.match(lines(facts)[0]!, /cost 41 s in the last code change$/);
  });

  it("names images that somebody removed, a disk that is nearly full, old patches", () => {
    const facts = madeFacts();
    for (const event of facts.history.events)
      if (event.image === "infinitetalk" && event.result === "built")
        event.reasons = ["gone from the engine"];
    facts.engine!.room = { free: 20e9, total: 980e9, freeFiles: 1, totalFiles: 2 };
    facts.now += 100 * 86_400_000;
    const found = lines(facts);
    assert.ok(
      found.some((line) => /^infinitetalk had to be built again 5 times because somebody removed/.test(line)),
    );
    assert.ok(found.includes("only 20 GB of 980 GB are free on the engine's disk"), found.join("\n"));
    assert.ok(found.includes("the distribution's packages in cuda-base-runtime are 102 days old"));
  });
});

describe("a report's images", () => {
  it("come parents first, with how much of their builds came from the cache", () => {
    assert.deepEqual(
      report.images.map(({ name, parents, builds, hitRate }) => [
        name,
        parents,
        builds,
        inWords((hitRate ?? 0) * 100),
      ]),
      [
        ["cuda-base-runtime", [], 2, "36 s"],
        ["cuda-base-devel", ["cuda-base-runtime"], 2, "50 s"],
        ["whisperx", ["cuda-base-runtime"], 8, "16 s"],
        ["infinitetalk", ["cuda-base-runtime", "cuda-base-devel"], 5, "45 s"],
      ].map(([name, parents, builds, rate]) => [name, parents, builds, rate]),
    );
    const [runtime, devel] = report.images;
    assert.deepEqual(
      [runtime!.unique, runtime!.adds, devel!.unique, devel!.adds],
      [0, 5_588e6, 350e6, 350e6],
    );
  });

  it("that were never built are there without figures", () => {
    const facts = madeFacts();
    facts.declared.push({ name: "new", tags: ["new:cu128"] });
    const image = makeReport(facts).images.at(-1)!;
    assert.deepEqual(image, {
      name: "new",
      tags: ["new:cu128"],
      reference: "",
      parents: [],
      externals: [],
      builds: 0,
    });
  });

  it("have the distribution's packages of the day on which the step with apt ran in the image itself", () => {
    assert.deepEqual(
      report.patches.map(({ image, days, from }) => ({ image, days, from })),
      [{ image: "cuda-base-runtime", days: 2, from: "build" }],
    );
    const never = makeReport(
      madeFacts({ history: { events: [], runs: [], unreadable: [] }, baseDate: "2026-11-20" }),
    );
    assert.deepEqual(never.patches, [
      { image: "cuda-base-runtime", since: "2026-11-20", days: 10, from: "date" },
    ]);
  });
});

describe("the Dockerfiles of the repository", () => {
  const dev = settingsOfStackFile(join(import.meta.dirname, "..", ".."), "dev");

  it("are read for the steps of every image, and the base's patches are those of its step with apt upgrade", async () => {
    const dockerfiles = await stepsOfStack(dev);
    for (const { image, steps } of dockerfiles)
      assert.ok(
        steps.some(({ text, isInImage }) => text.startsWith("RUN ") && isInImage),
        image,
      );
    const runtime = dockerfiles.find(({ image }) => image === "cuda-base-runtime")!;
    const { instructions } = readSyntax(readFileSync(runtime.file, "utf8"), runtime.file);
    const upgrade = instructions.find(({ rest }) => /apt-get "\$@" upgrade/.test(rest))!;
    const event = madeFacts().history.events[0]!;
    const ages = instructions.flatMap((instruction) => {
      const step = runtime.steps.find(({ line }) => line === instruction.line);
      if (!step) return [];
      const [stage, number] = step.label.split(" ");
      const name = `[${stage} ${number}/99] ${instruction.keyword} ${instruction.rest}`;
      const steps = [{ name, cached: false, seconds: 1 }];
      return patchAges([{ ...event, steps }], [runtime], now).map(() => instruction.line);
    });
    assert.deepEqual(ages, [upgrade.line]);
  });

  it("are told by their words where BuildKit shares a step and calls it as another image's build does", async () => {
    const dockerfiles = await stepsOfStack(dev);
    const infinitetalk = dockerfiles.find(({ image }) => image === "infinitetalk")!;
    const ffmpeg = infinitetalk.steps.find(({ text, isInImage }) => isInImage && text.includes("ffmpeg"))!;
    const others = dockerfiles.find(({ image }) => image === "whisperx")!.steps;
    const [stage, number] = others.find(({ text }) => text === ffmpeg.text)!.label.split(" ");
    assert.notEqual(`${stage} ${number}`, ffmpeg.label);
    const name = `[${stage} ${number}/6] RUN --mount=type=cache,target=/var/cache/apt ${ffmpeg.text.slice(4)}`;
    const steps = [{ name, cached: false, seconds: 9 }];
    const event = { ...madeFacts().history.events[0]!, image: "infinitetalk", steps };
    assert.deepEqual(
      patchAges([event], [infinitetalk], now).map(({ image, from }) => `${image} ${from}`),
      ["infinitetalk build"],
    );
  });
});

describe("the tree of layers", () => {
  const { layers } = content([
    { tags: ["a"], layers: { os: 10, torch: 50, a: 1, a2: 2 } },
    { tags: ["b"], layers: { os: 10, torch: 50, b: 3 } },
    { tags: ["c"], layers: { os: 10, other: 5 } },
  ]);
  const images = layers.map(({ id, layers: own }) => ({
    id,
    layers: own.map(({ bytes }, index) => ({
      chain: own
        .slice(0, index + 1)
        .map(({ chain }) => chain)
        .join(" "),
      bytes,
    })),
  }));

  it("has each layer once, in groups of those that the same images have", () => {
    const names = new Map([
      ["id0", ["a"]],
      ["id1", ["b"]],
    ]);
    const group = (of: string[], others: number, bytes: number[], children: unknown[] = []) => ({
      ...{ images: of, others, children },
      bytes: bytes.reduce((sum, size) => sum + size, 0),
      layers: bytes.map((size) => ({ made: "", bytes: size })),
    });
    assert.deepEqual(layerTree(images, names), [
      group(
        ["a", "b"],
        1,
        [10],
        [group(["a", "b"], 0, [50], [group(["a"], 0, [1, 2]), group(["b"], 0, [3])])],
      ),
    ]);
  });

  it("gives each image's size, what is its alone and what it adds to its parents", () => {
    assert.deepEqual(sizesOfImage(images, "id0", ["id2"]), { size: 63, unique: 3, adds: 53 });
    assert.equal(sizesOfImage(images, "gone", []), undefined);
  });
});

describe("a report without much in it", () => {
  it("is a page too: without engine, without builds, with names that are HTML", async () => {
    const event = {
      ...madeFacts().history.events[0]!,
      image: "<b>",
      error: "</script><script>alert(1)</script>",
    };
    const { engine: _, ...facts } = madeFacts({
      declared: [{ name: "<b>", tags: [] }],
      history: { events: [{ ...event, result: "failed" }], runs: [], unreadable: [] },
      ...{ notes: ["a note"], findings: [], dockerfiles: [] },
    });
    const page = await reportPage(makeReport(facts));
    assert.match(page, /No run of this stack has built an image/);
    assert.match(page, /Not known: the engine did not answer/);
    assert.ok(!page.includes("alert(1)</script>"));
    assert.match(page, /&lt;b&gt;/);
  });

  it("loads nothing: no address in the page is fetched", async () => {
    const page = await reportPage(report);
    assert.ok(
      page.includes(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:",
      ),
    );
    assert.deepEqual(page.match(/<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)[^"]*"/g), null);
    assert.ok(page.length < 1_000_000, `${page.length} bytes`);
  });
});

describe("words of a report", () => {
  it("give times, shares and steps in short", () => {
    assert.deepEqual([4.24, 41.4, 125, 4320].map(inWords), ["4.2 s", "41 s", "2 min 5 s", "1 h 12 min"]);
    assert.equal(hitRateOf([]), undefined);
    assert.equal(
      shortStep(
        '[stage-1  3/14] RUN --mount=type=cache,id=uv,target="/root/.cache/uv" --mount=type=secret,id=ca   uv pip sync a.lock',
      ),
      "RUN uv pip sync a.lock",
    );
    assert.equal(shortStep("[a 1/1] COPY --from=b /x /y"), "COPY /x /y");
    assert.equal(shortStep(`[a 1/1] RUN ${"x".repeat(100)}`, 10), "RUN xxxxx…");
  });

  it("count days from now", () => assert.equal(report.made, new Date(now).toISOString()));
});
