import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { settingsOfStackFile } from "../../lib/settings/load.ts";
import { stopEngine } from "../../sandbox/engine.ts";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { engineContent } from "../integration/machine.ts";
import { Project } from "../integration/project.ts";
import { appDockerfile, filesBelow, lookAt, notGood, one } from "./doctor-run.ts";
import { check, factsOf } from "./fed-facts.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";

describe("npm run doctor", function () {
  this.timeout(600_000);
  let project: Project;
  before(async () => {
    project = new Project({
      services: { app: { context: "app", smokeTest: { command: ["test", "-f", "/bin/ldd"] } } },
    });
    project.write("app/Dockerfile", appDockerfile);
    await project.start();
  });
  after(() => project.remove());

  const look = (...args: string[]) => lookAt(project, ...args);

  it("finds nothing wrong with a good host, and changes nothing", async () => {
    await look("--only", "cache.works"); // the manifest that it asks for is in the cache from here on
    const before = { content: await engineContent(project), files: filesBelow(project.root) };
    const found = await look();
    assert.deepEqual(notGood(found), []);
    assert.equal(found.exitCode, 0);
    for (const id of [
      "docker.present",
      "docker.config.conflict",
      "net.mirror",
      "cache.works",
      "image.base-found",
      "pulumi.state",
    ])
      assert.equal(one(found, id).status, "OK", id);
    assert.deepEqual({ content: await engineContent(project), files: filesBelow(project.root) }, before);
    console.log(`      ${found.checks.length} checks in ${found.seconds.toFixed(1)} s`);
  });

  it("prints a line for each check, with what mends it below, and the counts", async () => {
    const { output, exitCode } = await project.run("doctor", "--only", "docker");
    assert.equal(exitCode, 0);
    assert.match(output, /^OK {3}docker\.present {10}Docker Engine \S+ at unix:\/\/\//m);
    assert.match(output, /^SKIP docker\.build-cache {6}there is none$/m);
    assert.match(output, /^14 checks: 13 OK, 1 SKIP$/m);
  });

  it("says FAIL net.mirror while the cache is stopped, though pulls still work; --fix starts it", async () => {
    await project.docker("stop", cacheName);
    const stopped = await look();
    assert.equal(stopped.exitCode, 1);
    assert.deepEqual(notGood(stopped), ["FAIL cache.running", "FAIL net.mirror"]);
    const { output } = await project.run("doctor", "--fix", "--dry-run");
    assert.match(
      output,
      new RegExp(`This would be done:\\n {2}start the stack's cache: docker start ${cacheName}`),
    );
    assert.equal((await look("--only", "cache.running")).exitCode, 1);
    const mended = await project.run("doctor", "--fix");
    assert.equal(mended.exitCode, 0, mended.output);
    assert.match(mended.output, /This is done now:\n {2}start the stack's cache/);
    assert.match(mended.output, /OK {3}net\.mirror/);
  });

  describe("with a daemon.json that was edited by hand", () => {
    let file: string;
    let original: string;
    before(() => {
      file = sandboxLayout(join(project.root, ".sandbox")).daemonConfig;
      original = readFileSync(file, "utf8");
    });
    afterEach(() => writeFileSync(file, original));

    const edits: [name: string, text: string, id: string, status: string, line: RegExp][] = [
      [
        "never reloaded",
        "{}",
        "docker.config.live",
        "WARN",
        /edited but never reloaded: .* has registry-mirrors none/,
      ],
      [
        "broken",
        '{\n  "debug": true,\n}\n',
        "docker.config.parse",
        "FAIL",
        /daemon\.json:3:1: a comma before }/,
      ],
      [
        "with a key twice",
        '{"debug": true, "debug": false}',
        "docker.config.parse",
        "FAIL",
        /"debug" stands there twice/,
      ],
      [
        "with a key that is a flag too",
        '{"data-root": "/x"}',
        "docker.config.conflict",
        "FAIL",
        /specified both as a flag and in the configuration file/,
      ],
      [
        "with an unknown key",
        '{"nonsense": 1}',
        "docker.config.conflict",
        "FAIL",
        /don't match any configuration option: nonsense/,
      ],
    ];
    for (const [name, text, id, status, line] of edits)
      it(`is ${status} ${id} where it is ${name}; the file stays as it is`, async () => {
        writeFileSync(file, text);
        const result = one(await look("--only", "docker.config"), id);
        assert.equal(result.status, status, result.line);
        assert.match(result.line, line);
        assert.equal(readFileSync(file, "utf8"), text);
      });
  });

  it("with --deep finds a library that the last stage lacks, and leaves no container", async () => {
    const found = await look("--deep", "--only", "image");
    const result = one(found, "image.runtime-parts");
    assert.equal(result.status, "FAIL", result.line);
    assert.match(
      result.line,
      /^libraries are missing: app: libsndfile\.so\.1 \(.*dist-packages\/sound\/ext\.so\)$/,
    );
    assert.equal(
      await project.docker("ps", "--all", "--quiet", "--filter", "label=gpu-build-host.role=doctor"),
      "",
    );
  });

  it("names a builder that does not see the engine's images", async () => {
    const variables = await project.variables();
    const config = mkdtempSync(join(tmpdir(), "doctor-builder-"));
    writeFileSync(
      join(config, "config.json"),
      readFileSync(join(variables["DOCKER_CONFIG"]!, "config.json")),
    );
    const env = { ...process.env, ...variables, DOCKER_CONFIG: config, BUILDX_BUILDER: "" };
    await execa("docker", ["buildx", "create", "--driver", "docker-container", "--name", "apart", "--use"], {
      env,
    });
    const result = await check("image.builder", factsOf({ env }));
    assert.equal(result.status, "WARN", result.line);
    assert.match(result.line, /the current builder is apart \(docker-container\)/);
    assert.equal(result.fix, "docker buildx use default");
    rmSync(config, { recursive: true });
  });

  it("says that a base is gone after everything was removed by hand", async () => {
    await project.docker("image", "rm", "cuda-base:runtime-12.6");
    const result = one(await look("--only", "image.base"), "image.base-found");
    assert.equal(result.status, "FAIL");
    assert.equal(result.line, "gone from this engine: cuda-base:runtime-12.6");
    await project.start();
    assert.equal((await look("--only", "image.base")).exitCode, 0);
  });

  it("writes a report that only its owner may read", async () => {
    const file = join(project.root, "report.txt");
    const result = await project.run("doctor", "--only", "docker", "--bundle", file);
    assert.equal(result.exitCode, 0, result.output);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const text = readFileSync(file, "utf8");
    for (const words of [
      "## versions",
      "## engine's log",
      "level=",
      "## cache's log",
      "app: built",
      "docker.present",
    ])
      assert.ok(text.includes(words), words);
  });

  describe("before a preview", () => {
    const previewWith = async (driver: string) => {
      const file = "Pulumi.sandbox.yaml";
      const text = project.read(file);
      const host = `  gpu-build-host:host: { driver: "${driver}", gpus: [RTX 4090] }\n`;
      project.write(file, text.replace("config:\n", `config:\n${host}`));
      try {
        return await project.pulumi(["preview", "--stack", "sandbox", "--non-interactive"]);
      } finally {
        project.write(file, text);
      }
    };

    it("stops for a driver that is too old for cudaBase.cuda", async () => {
      const { exitCode, output } = await previewWith("470.256.02");
      assert.notEqual(exitCode, 0);
      assert.match(output, /This fails: CUDA 12\.6, .* on driver 470\.256\.02/);
      assert.match(
        output,
        /driver-runs-cuda: CUDA 12\.6 needs driver 525\.60\.13 or newer; the host has 470\.256\.02/,
      );
    });

    it("shows a warning once and goes on", async () => {
      const { exitCode, output } = await previewWith("550.54.15");
      assert.equal(exitCode, 0, output);
      const diagnostics = output.slice(output.indexOf("Diagnostics:"));
      const lines = diagnostics.match(/(works|unknown): CUDA 12\.6, .* on driver 550\.54\.15/g);
      assert.equal(lines?.length, 1, output);
    });

    it("stops for a port that another program holds, once the cache is not there", async () => {
      const settings = settingsOfStackFile(project.root, "sandbox");
      await project.docker("rm", "--force", cacheName);
      const { createServer } = await import("node:net");
      const holder = createServer();
      await new Promise<void>((resolve) => holder.listen(settings.registryCache.port, "127.0.0.1", resolve));
      try {
        const { exitCode, output } = await project.pulumi(["preview", "--stack", "sandbox"]);
        assert.notEqual(exitCode, 0);
        assert.match(
          output,
          new RegExp(
            `port\\.cache: Port \\d+ on 127\\.0\\.0\\.1 is taken by .+ \\(process ${process.pid}\\)\\. Fix: `,
          ),
        );
      } finally {
        holder.close();
      }
      assert.equal(one(await look("--only", "cache.running"), "cache.running").status, "FAIL");
    });
  });

  describe("while the engine", () => {
    const layout = () => sandboxLayout(join(project.root, ".sandbox"));

    it("is paused, says so and goes on; Ctrl-C ends it at once", async () => {
      const pid = Number(readFileSync(layout().pidFile, "utf8"));
      process.kill(pid, "SIGSTOP");
      try {
        const found = await look();
        assert.equal(found.exitCode, 1);
        assert.match(one(found, "docker.present").line, /does not answer: nothing in 7 s/);
        assert.deepEqual(notGood(found), ["FAIL docker.present"]);
        const run = execa("node", [join(project.root, "bootstrap", "run.mjs"), "doctor"], {
          cwd: project.root,
          env: project.env,
          reject: false,
          all: true,
        });
        await sleep(5_000); // it has begun by then, also on a busy machine, and waits 7 s for the engine
        run.kill("SIGINT");
        const stopped = await run;
        assert.equal(stopped.exitCode, 2, stopped.all);
        assert.match(stopped.all ?? "", /Stopped\./);
      } finally {
        process.kill(pid, "SIGCONT");
      }
    });

    it("is stopped, names its socket and how to start it", async () => {
      await stopEngine(join(project.root, ".sandbox"));
      const found = await look();
      console.log(`      ${found.seconds.toFixed(1)} s`);
      assert.equal(found.exitCode, 1);
      assert.deepEqual(notGood(found), ["FAIL docker.present"]);
      const { line, fix } = one(found, "docker.present");
      assert.equal(line, `No Docker Engine answers at ${layout().dockerHost}`);
      assert.equal(fix, "npm start");
    });
  });
});
