import assert from "node:assert/strict";
import { engineContent } from "./machine.ts";
import { Project } from "./project.ts";
import type { Assessment } from "../../lib/upgrade/assess.ts";

describe("a change that fails, is unknown, or works", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  let content: string[];

  before(async () => {
    project = new Project();
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nCOPY app /app\n");
    project.write("services/app/app", "one\n");
    configure({});
    await project.start();
    content = await engineContent(project);
  });
  after(() => project.remove());

  function configure(settings: Record<string, unknown>): void {
    project.configure("sandbox", {
      sandbox: true,
      cudaBase: { cuda: "12.6", image: "registry:3.1.1" },
      services: { app: { context: "services/app" } },
      ...settings,
    });
  }

  async function plan(...args: string[]): Promise<Assessment & { code: number }> {
    const { exitCode, stdout, output } = await project.run("plan", "--json", ...args);
    assert.ok(exitCode === 0 || exitCode === 2, output);
    return { ...(JSON.parse(stdout) as Assessment), code: exitCode };
  }

  const oldDriver = { driver: "450.80.02", gpus: ["RTX 4090"] };

  it("is answered by plan without touching anything, and by preview and up in one error", async () => {
    configure({ host: oldDriver });
    const { verdict, reasons, code } = await plan();
    assert.deepEqual([verdict, code], ["fails", 2]);
    const [first] = reasons;
    assert.ok(first?.facts.some(({ value, from }) => value === "450.80.02" && from.includes("host.driver")));
    for (const { exitCode, output } of [
      await project.pulumi(["preview", "--stack", "sandbox"]),
      await project.run("start"),
    ]) {
      assert.notEqual(exitCode, 0, output);
      assert.match(output, /This fails: CUDA 12\.6, PyTorch 2\.7\.1.* on driver 450\.80\.02/);
      assert.ok(output.includes(`${first!.rule}: `), output);
      assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/);
    }
    assert.deepEqual(await engineContent(project), content);
  });

  it("goes on where every failing rule is allowed, and writes that down", async () => {
    const { reasons } = await plan();
    const failing = [
      ...new Set(reasons.filter(({ verdict }) => verdict === "fails").map(({ rule }) => rule)),
    ];
    configure({ host: oldDriver, allowIncompatible: failing });
    const { exitCode, output } = await project.pulumi(["preview", "--stack", "sandbox"]);
    assert.equal(exitCode, 0, output);
    assert.match(output, /FAILS, as allowed: CUDA 12\.6/);
    assert.deepEqual((await project.start()).changed, []);
    const lines = project.read(".sandbox/state/sandbox/allowed.jsonl").trim().split("\n");
    const rules = lines.map((line) => (JSON.parse(line) as { rule: string }).rule);
    assert.deepEqual([...new Set(rules)].sort(), failing.sort());
  });

  it("warns in a preview where it is unknown, and goes on", async () => {
    configure({ host: { driver: "570.86.15", gpus: ["an unheard-of card"] } });
    assert.equal((await plan()).verdict, "unknown");
    const { exitCode, output } = await project.pulumi(["preview", "--stack", "sandbox"]);
    assert.equal(exitCode, 0, output);
    assert.match(output, /warning: unknown: CUDA 12\.6/);
  });

  it("says of a lock that does not parse where it is wrong, in one line, and goes on", async () => {
    configure({});
    project.write("services/app/app.lock", "<<<<<<< HEAD\n");
    const install = "RUN --mount=type=bind,source=app.lock,target=/a.lock pip3 install -r /a.lock\n";
    await project.withFile(
      "services/app/Dockerfile",
      (text) => text + install,
      async () => {
        const { exitCode, output } = await project.pulumi(["preview", "--stack", "sandbox"]);
        assert.equal(exitCode, 0, output);
        assert.match(output, /warning: unknown: CUDA 12\.6/);
        assert.match(output, /pins-read: services\/app\/app\.lock:1: "<<<<<<< HEAD" is no requirement; /);
        assert.match(output, /unknown: packages of services\/app\/app\.lock: it cannot be read as a lock/);
        assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/);
      },
    );
  });

  it("has the images that up rebuilds, with the reasons, and none afterwards", async () => {
    configure({});
    project.write("services/app/app", "two\n");
    const { images } = await plan();
    assert.deepEqual(
      images.map(({ name, will, reasons }) => [name, will, reasons]),
      [["app", "build", ["file app"]]],
    );
    const { exitCode, output } = await project.pulumi(["preview", "--stack", "sandbox"]);
    assert.equal(exitCode, 0, output);
    assert.match(output, /app:cu126 will be built: file app/);
    const summary = await project.start();
    assert.deepEqual(
      summary.images.filter(({ result }) => result === "built").map(({ name }) => name),
      ["app"],
    );
    assert.deepEqual((await plan()).images, []);
  });

  it("is said in one line for a setting that does not exist", async () => {
    const { exitCode, output } = await project.run("plan", "--set", "cudaBase.cudaa=13.0");
    assert.equal(exitCode, 1);
    assert.match(output, /cudaBase\.cudaa is not a setting; did you mean "cuda"\?/);
  });
});
