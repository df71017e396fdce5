import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Report } from "../../lib/report/types.ts";
import { Project, type Summary } from "./project.ts";

/** Minutes for what may take seconds: the machine of a test run may be busy. */
const patience = 10 * 60_000;

describe("npm start", function () {
  this.timeout(patience);
  let outside: string;
  let project: Project;

  before(() => {
    outside = mkdtempSync(join(tmpdir(), "gbh-outside-"));
    project = new Project({
      services: {
        // Declared before what it stands on: the order follows from the Dockerfiles.
        transcriber: { context: "services/transcriber" },
        "ai-api-base": { context: "services/ai-api-base", tags: ["ai-api-base:latest"] },
        elsewhere: { context: outside, args: { GREETING: "hello" } },
        collector: { context: "services/collector" },
      },
    });
    project.write("services/ai-api-base/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo api > /api\n");
    project.write(
      "services/transcriber/Dockerfile",
      "FROM ai-api-base:latest\nCOPY app.py /app.py\nRUN grep -q api /api\n",
    );
    project.write("services/transcriber/app.py", "print(1)\n");
    project.write("services/transcriber/notes.txt", "named by no COPY\n");
    project.write(
      "services/collector/Dockerfile",
      `FROM cuda-base:runtime-12.6
COPY --from=elsewhere:cu126 /greeting /greeting
RUN --mount=type=bind,from=cuda-base:devel-12.6,source=/compiler,target=/mnt/compiler cat /mnt/compiler > /seen
`,
    );
    writeFileSync(
      join(outside, "Dockerfile"),
      "FROM cuda-base:runtime-12.6\nARG GREETING\nRUN echo $GREETING > /greeting\n",
    );
  });
  after(async () => {
    await project.remove();
    rmSync(outside, { recursive: true, force: true });
  });

  it("builds everything and says what it did", async () => {
    const result = await project.run("start");
    assert.equal(result.exitCode, 0, result.output);
    for (const name of ["cuda-base-runtime", "cuda-base-devel", "transcriber", "elsewhere", "collector"])
      assert.match(result.stdout, new RegExp(`${name}.*built.*new`), result.stdout);
    assert.match(
      result.stdout,
      /Where the time went:\n(.*\n)* {2}transcriber +\d+\.\d s, 0 of 2 steps from the cache; slowest \d+\.\d s: /,
    );
    assert.match(result.stdout, /\d+ of \d+ requests answered from the cache/);
    assert.match(result.stdout, /Stand-ins, because the real ones cannot be had here:\n {2}registry:3\.1\.1/);
    assert.match(result.stdout, /\n[1-9]\d* changed \(/);
    assert.match(result.stdout, /Next:\n {2}Run the services/);
  });

  it("lets images build on each other in every way", async () => {
    const show = (image: string, ...files: string[]) =>
      project.docker("run", "--rm", "--network=none", "--entrypoint=cat", image, ...files);
    assert.equal(await show("collector:cu126", "/greeting", "/seen"), "hello\ncompiler");
    assert.equal(await show("transcriber:cu126", "/base", "/api", "/app.py"), "base\napi\nprint(1)");
  });

  it("changes nothing the second time", async () => {
    const result = await project.run("start");
    assert.equal(result.exitCode, 0, result.output);
    assert.match(result.stdout, /\n0 changed \(/);
  });

  it("agrees with pulumi preview by hand", async () => {
    const result = await project.pulumi(["preview", "--stack", "sandbox", "--expect-no-changes"]);
    assert.equal(result.exitCode, 0, result.output);
  });

  it("changes nothing for a touched time or a file that no COPY names", async () => {
    const future = new Date(Date.now() + 60_000);
    utimesSync(join(project.root, "services/transcriber/app.py"), future, future);
    project.write("services/transcriber/notes.txt", "other notes\n");
    assert.deepEqual(await project.preview(), []);
  });

  it("lists in preview exactly the image whose file changed, and rebuilds it for that reason", async () => {
    project.write("services/transcriber/app.py", "print(2)\n");
    assert.deepEqual(await project.preview(), [{ op: "update", name: "transcriber" }]);
    const { changed, images } = await project.start();
    assert.deepEqual(
      changed.map(({ name }) => name),
      ["transcriber"],
    );
    assert.deepEqual(outcome(images, "transcriber"), { result: "built", reasons: ["file app.py"] });
    assert.equal(outcome(images, "collector").result, "unchanged");
  });

  it("reuses the former image when the file is as it was", async () => {
    project.write("services/transcriber/app.py", "print(1)\n");
    const { images } = await project.start();
    assert.deepEqual(outcome(images, "transcriber"), { result: "reused", reasons: ["file app.py"] });
  });

  it("rebuilds what stands on an image that changed, and nothing else", async () => {
    project.write("services/ai-api-base/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo api 2 > /api\n");
    const { changed, images } = await project.start();
    assert.deepEqual(changed.map(({ name }) => name).sort(), ["ai-api-base", "transcriber"]);
    assert.deepEqual(outcome(images, "transcriber"), { result: "built", reasons: ["parent ai-api-base"] });
  });

  it("builds again on demand, and what stands on it follows", async () => {
    const before = await project.docker("image", "inspect", "--format={{.Id}}", "transcriber:cu126");
    const result = await project.run("rebuild", "transcriber", "--no-cache");
    assert.equal(result.exitCode, 0, result.output);
    assert.match(result.stdout, /transcriber .*built.*rebuild/);
    assert.match(result.stdout, /\n1 changed \(/);
    assert.notEqual(
      await project.docker("image", "inspect", "--format={{.Id}}", "transcriber:cu126"),
      before,
    );
    assert.deepEqual(await project.preview(), [], "the counter is no drift");
    const all = await project.run("rebuild", "runtime");
    assert.equal(all.exitCode, 0, all.output);
    assert.match(all.stdout, /\n6 changed \(/);
  });

  it("reports what became of the time, as a page and as JSON", async () => {
    const result = await project.run("report", "--json");
    assert.equal(result.exitCode, 0, result.output);
    const { runs, images, layers, notes } = JSON.parse(result.stdout) as Report;
    assert.deepEqual(notes, []);
    const transcriber = images.find(({ name }) => name === "transcriber")!;
    assert.deepEqual(transcriber.parents, ["ai-api-base"]);
    assert.equal(transcriber.builds, 5, "first, code, its base, by force, with the runtime base");
    const code = runs.flatMap((run) => run.images).find(({ reasons }) => reasons.includes("file app.py"))!;
    assert.deepEqual([code.image, code.cachedSteps, code.ranSteps], ["transcriber", 0, 2]);
    assert.ok(runs.every((run) => run.result === "done" && run.seconds > run.images[0]!.buildSeconds));
    assert.ok(layers[0]!.images.includes("cuda-base-devel"));
    const page = await project.run("report");
    assert.equal(page.exitCode, 0, page.output);
    assert.match(
      page.stdout,
      /^Last run of sandbox: .* of the steps from the cache\.\n(.*\n)*.*\/reports\/sandbox\.html$/,
    );
    assert.match(project.read("reports/sandbox.html"), /<h1>Where did my time go\?<\/h1>/);
  });

  it("names the nearest image for a wrong name", async () => {
    const config = project.read("Pulumi.sandbox.yaml");
    const near = await project.run("rebuild", "transcribr");
    assert.equal(near.exitCode, 1);
    assert.match(near.output, /There is no image transcribr\. Did you mean transcriber\?/);
    const far = await project.run("rebuild", "qqqqqqqqq");
    assert.equal(far.exitCode, 1);
    assert.match(far.output, /Known: all, runtime, devel, transcriber/);
    assert.equal(project.read("Pulumi.sandbox.yaml"), config);
  });
});

function outcome(images: Summary["images"], name: string) {
  const image = images.find((candidate) => candidate.name === name);
  assert.ok(image, `${name} is in the summary`);
  return { result: image.result, reasons: image.reasons };
}
