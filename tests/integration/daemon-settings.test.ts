import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Project, smallBase } from "./project.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";

describe("dockerDaemon: more than the mirror", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  let first: string;
  const daemonJson = () => readFileSync(join(project.root, ".sandbox", "daemon.json"), "utf8");
  const configure = (dockerDaemon?: object) =>
    project.configure("sandbox", {
      sandbox: true,
      cudaBase: { cuda: "12.6", image: smallBase },
      ...(dockerDaemon && { dockerDaemon }),
    });
  const changed = async () => (await project.start()).changed.map(({ name }) => name);
  const pidOfCache = () => project.docker("inspect", "--format={{.State.Pid}}", cacheName);

  before(async () => {
    project = new Project();
    await project.start();
    first = daemonJson();
  });
  after(() => project.remove());

  it("fails in the preview where a restart is needed and not allowed, in one line that names the containers", async () => {
    configure({ logDriver: "local" });
    const { exitCode, output } = await project.pulumi(["preview", "--stack", "sandbox"]);
    assert.notEqual(exitCode, 0);
    assert.match(
      output,
      new RegExp(
        `This host is not ready:\\s+docker\\.config\\.wanted: log-driver in \\S+daemon\\.json needs a restart of Docker; stops ${cacheName} \\(unless-stopped\\): set dockerDaemon\\.allowRestart: true`,
      ),
    );
    assert.doesNotMatch(output, /\n\s+at .*\.(ts|js|mjs):\d+/);
    assert.equal(daemonJson(), first);
  });

  it("shows a reload in the preview, does it, and changes nothing the second time", async () => {
    configure({ liveRestore: true, maxConcurrentDownloads: 6, settings: { labels: ["gpu=yes"] } });
    const pid = await pidOfCache();
    const { output } = await project.pulumi(["preview", "--stack", "sandbox", "--diff"]);
    assert.match(output, /change\s*: "reload"/);
    assert.deepEqual(await changed(), ["docker-daemon-config"]);
    assert.equal(
      await project.docker("info", "--format={{.LiveRestoreEnabled}} {{.Labels}}"),
      "true [gpu=yes]",
    );
    assert.deepEqual(await changed(), []);
    assert.equal(await pidOfCache(), pid);
  });

  it("restarts Docker when it may, and the cache runs through it", async () => {
    configure({ liveRestore: true, logDriver: "local", allowRestart: true });
    const pid = await pidOfCache();
    assert.deepEqual(await changed(), ["docker-daemon-config"]);
    assert.equal(await project.docker("info", "--format={{.LoggingDriver}} {{.Labels}}"), "local []");
    assert.equal(await pidOfCache(), pid);
    assert.deepEqual(await changed(), []);
  });

  it("gives everything back when the settings are taken out", async () => {
    configure({ allowRestart: true });
    await project.start();
    assert.equal(daemonJson(), first);
    assert.equal(
      await project.docker("info", "--format={{.LiveRestoreEnabled}} {{.LoggingDriver}}"),
      "false json-file",
    );
  });
});
