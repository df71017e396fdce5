import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { applyConfig, releaseConfig, wishProblem, type DaemonWish } from "../../lib/daemon/apply.ts";
import { processOf, stillRuns } from "../../lib/daemon/dockerd-process.ts";
import { engineInfo } from "../../lib/daemon/engine-info.ts";
import { readLedger } from "../../lib/daemon/ledger-file.ts";
import { closeService, restartService, serviceOf } from "../../lib/daemon/service.ts";
import type { Manner } from "../../lib/daemon/settle.ts";
import { makeStandIn } from "../../sandbox/stand-in-image.ts";
import { registryStandIn } from "../../sandbox/stand-in-registry.ts";
import { bundleChild, killedRun } from "./killed-child.ts";
import { PrivateHost } from "./private-host.ts";

describe("a restart of Docker, on a real engine", function () {
  this.timeout(300_000);
  let host: PrivateHost;
  const messages: string[] = [];

  before(async () => {
    host = await PrivateHost.start();
    const image = (await makeStandIn(registryStandIn("registry:3.1.1"))).layer.file;
    await docker("import", image, "box");
  });
  after(() => host?.stop());
  beforeEach(() => (messages.length = 0));

  const docker = async (...args: string[]) => (await execa("docker", args, { env: host.engine.env })).stdout;
  const run = (name: string, restart: string) =>
    docker(
      "run",
      "-d",
      "--name",
      name,
      "--restart",
      restart,
      "--network",
      "host",
      "--init",
      "box",
      "sleep",
      "900",
    );
  const pidOf = (name: string) => docker("inspect", "--format", "{{.State.Pid}} {{.State.Running}}", name);
  const manner = (more: Partial<Manner> = {}): Manner => ({
    ledgerFolder: host.ledgerDir,
    log: (message) => void messages.push(message),
    ...more,
  });
  const wish = (settings: DaemonWish["settings"] = {}, more: Partial<DaemonWish> = {}): DaemonWish => ({
    dockerHost: host.engine.dockerHost,
    stack: "dev",
    mirrors: [],
    settings,
    previously: { mirrors: [], settings },
    ...more,
  });
  const info = async () => (await engineInfo(host.engine.layout.socket)).live;

  it("is refused before anything is written, with the containers that would stop, in preview and when applied", async () => {
    await host.reset("{}");
    await run("web", "no");
    await run("db", "unless-stopped");
    const refusal =
      `log-driver, log-opts in ${host.file} need a restart of Docker; stops db (unless-stopped), web (no restart policy): ` +
      "set dockerDaemon.allowRestart: true (dockerDaemon.liveRestore: true keeps containers running), or take the setting out. Nothing was changed";
    const wanted = wish({ "log-driver": "local", "log-opts": { "max-size": "10m" } });
    const pid = host.pid;
    assert.equal(await wishProblem(wanted, host.ledgerDir), refusal);
    await assert.rejects(applyConfig(wanted, manner()), { message: refusal });
    assert.equal(host.text, "{}");
    assert.equal(host.pid, pid);
    assert.equal((await readLedger(host.ledgerDir, host.file)).ledger, undefined);
  });

  it("is not promised by a preview where dockerd --validate refuses it, and nothing is left of the try", async () => {
    await host.reset("{}");
    const temporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith("daemon-json-"));
    const before = temporary();
    const refused = async (settings: DaemonWish["settings"]) =>
      (await wishProblem(wish(settings, { allowRestart: true }), host.ledgerDir)) ?? "";
    for (const settings of [{ "default-ipc-mode": "foo" }, { bip: 3 }])
      assert.match(await refused(settings), /^dockerd would refuse .*daemon\.json, so it was not touched: /);
    assert.equal(await refused({ "shutdown-timeout": 20 }), "");
    assert.deepEqual(temporary(), before);
    assert.ok(!existsSync(host.ledgerDir));
    assert.equal(host.text, "{}");
  });

  it("keeps every container running where live-restore is wanted: it is reloaded first", async () => {
    await host.reset("{}");
    await run("plain", "no");
    const before = await Promise.all(["web", "db", "plain"].map(pidOf));
    const pid = host.pid;
    const steps: string[] = [];
    const wanted = wish(
      { "log-driver": "local", "log-opts": { "max-size": "10m" }, "live-restore": true },
      { allowRestart: true },
    );
    await applyConfig(wanted, manner({ onStep: (step) => void steps.push(step) }));
    assert.notEqual(host.pid, pid);
    assert.deepEqual(await Promise.all(["web", "db", "plain"].map(pidOf)), before);
    const live = await info();
    assert.deepEqual([live["log-driver"], live["live-restore"]], ["local", true]);
    assert.ok(steps.indexOf("live-restored") < steps.indexOf("restarting"), steps.join());
    // The mounts of containers stay in the engine's own namespace.
    assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(`${host.engine.layout.dataRoot}/overlay2`));

    const again = host.pid;
    steps.length = 0;
    await applyConfig(wanted, manner({ onStep: (step) => void steps.push(step) }));
    assert.equal(host.pid, again, "no second restart");
    assert.ok(!steps.includes("file-written") && !steps.includes("reloaded"), steps.join());
  });

  it("finds every container alive when the engine was killed with live-restore on and is started again", async () => {
    const before = await Promise.all(["web", "db", "plain"].map(pidOf));
    const [dockerd] = await processOf(host.pid);
    assert.ok(dockerd);
    const service = await serviceOf(dockerd);
    process.kill(dockerd.pid, "SIGKILL");
    while (await stillRuns(dockerd)) await sleep(50);
    const isUp = () =>
      engineInfo(host.engine.layout.socket).then(
        () => true,
        () => false,
      );
    await restartService(service, dockerd, 60_000, isUp).finally(() => closeService(service));
    assert.notEqual(host.pid, dockerd.pid);
    assert.deepEqual(await Promise.all(["web", "db", "plain"].map(pidOf)), before);
  });

  it("leaves a restart to the user when a stack goes that may not restart, and says so", async () => {
    const pid = host.pid;
    await releaseConfig({ ...wish(), file: host.file, allowRestart: false }, manner());
    assert.equal(host.text, "{}");
    assert.equal(host.pid, pid);
    assert.match(
      messages.join("\n"),
      /log-driver, log-opts: taken out of .*, but in use until Docker's next restart/,
    );
    assert.equal((await info())["live-restore"], false, "what a reload undoes is undone");
    await docker("rm", "-f", "web", "db", "plain");
  });

  it("finishes a restart that was cut off, and a reload that nothing tells of", async () => {
    const child = await bundleChild(new URL("./killed-run.ts", import.meta.url), host.folder);
    for (const [settings, killAt] of [
      [{ "shutdown-timeout": 20, ipv6: false }, "restarting"],
      [{ "shutdown-timeout": 20, "max-concurrent-downloads": 5 }, "file-written"],
    ] as const) {
      await host.reset("{}");
      const pid = host.pid;
      const wanted = wish(settings, { allowRestart: true });
      const order = { action: "apply" as const, wish: wanted, ledgerFolder: host.ledgerDir, killAt };
      assert.equal(await killedRun(child, order), killAt);
      const { ledger } = await readLedger(host.ledgerDir, host.file);
      assert.deepEqual(ledger?.outdated?.keys.sort(), Object.keys(settings).sort());
      const steps: string[] = [];
      await applyConfig(wanted, manner({ onStep: (step) => void steps.push(step) }));
      assert.ok(!steps.includes("file-written"), "the file was written before");
      assert.ok(steps.includes(killAt === "restarting" ? "restarted" : "reloaded"), steps.join());
      assert.equal(host.pid !== pid, killAt === "restarting");
      assert.equal((await readLedger(host.ledgerDir, host.file)).ledger?.outdated, undefined);
      await releaseConfig({ ...wanted, file: host.file }, manner());
      assert.equal(host.text, "{}");
    }
  });

  it("rolls back where dockerd does not come back, with both words, and starts it again", async () => {
    const other = await PrivateHost.start();
    try {
      await other.reset('{"debug": false}');
      const target = {
        ...wish({ "storage-driver": "nope" }, { allowRestart: true }),
        dockerHost: other.engine.dockerHost,
      };
      // Its flag --storage-driver stands in the way, as on a host with a drop-in: nothing is written.
      await assert.rejects(
        applyConfig(target, manner({ ledgerFolder: other.ledgerDir })),
        /was started with --storage-driver overlay2/,
      );
      assert.equal(other.text, '{"debug": false}');
      // Valid for --validate, fatal at start.
      const fatal = { ...target, settings: { "metrics-addr": "127.0.0.1:99999" } };
      await assert.rejects(
        applyConfig(fatal, manner({ ledgerFolder: other.ledgerDir })),
        /dockerd did not start: .*99999.*\. .*daemon\.json has its former content again$/,
      );
      assert.equal(other.text, '{"debug": false}');
      assert.equal((await engineInfo(other.engine.layout.socket)).live.debug, false);
      assert.equal((await readLedger(other.ledgerDir, other.file)).ledger, undefined);
    } finally {
      await other.stop();
    }
  });
});
