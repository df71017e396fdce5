import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { wishProblem } from "../../lib/daemon/apply.ts";
import { desiredDocument } from "../../lib/daemon/desired.ts";
import { engineInfo } from "../../lib/daemon/engine-info.ts";
import { daemonConfig, type DaemonConfigArgs } from "../../provider/daemon-config.ts";
import { startMirror, type MirrorStandIn } from "../daemon/mirror-stand-in.ts";
import { PrivateHost } from "../daemon/private-host.ts";
import { Stack, URN } from "./daemon-stack.ts";

const FOREIGN = '{\n\t"shutdown-timeout" : 20,\n\t"insecure-registries": [ "theirs:5000" ]\n}\n';

describe("DaemonConfig beyond mirrors, on a real engine", function () {
  this.timeout(120_000);
  let host: PrivateHost;
  let mirror: MirrorStandIn;
  before(async () => {
    host = await PrivateHost.start();
    mirror = await startMirror();
  });
  after(async () => {
    await mirror?.close();
    await host?.stop();
  });

  const stack = (name: string, settings: Record<string, unknown>, more: Partial<DaemonConfigArgs> = {}) =>
    new Stack({
      stack: name,
      dockerHost: host.engine.dockerHost,
      registryMirrors: [mirror.url],
      ledgerDir: host.ledgerDir,
      settings,
      ...more,
    });
  const info = async () => (await engineInfo(host.engine.layout.socket)).live;
  const RELOADED = {
    "insecure-registries": ["ours:5000", "10.0.0.0/8"],
    "live-restore": true,
    debug: true,
    labels: ["gpu=yes"],
    "max-concurrent-downloads": 6,
  };

  it("reloads what a reload takes, says so in the preview, and gives file and daemon back", async () => {
    await host.reset(FOREIGN);
    await execa("docker", ["info"], { env: host.engine.env });
    const pid = host.pid;
    const dev = stack("dev", RELOADED);
    assert.equal((await dev.inputs()).change, "reload");
    await dev.up();
    assert.equal(host.pid, pid);
    const live = await info();
    assert.deepEqual(live["insecure-registries"].filter((entry) => !/^(127|::1)/.test(entry)).sort(), [
      "10.0.0.0/8",
      "ours:5000",
      "theirs:5000",
    ]);
    assert.deepEqual([live["live-restore"], live.debug, live.labels], [true, true, ["gpu=yes"]]);
    assert.equal(dev.state.change, "none");
    assert.equal((await dev.inputs()).change, "none");
    assert.deepEqual(await dev.preview(), []);
    await dev.destroy();
    assert.equal(host.text, FOREIGN);
    const after = await info();
    assert.deepEqual([after["live-restore"], after.debug, after.labels], [false, false, []]);
    assert.deepEqual(
      after["insecure-registries"].filter((entry) => !/^(127|::1)/.test(entry)),
      ["theirs:5000"],
    );
    assert.deepEqual(after["registry-mirrors"], []);
    assert.ok(!existsSync(host.ledgerDir));
  });

  it("shows drift of each entry in the file, and of each key in the daemon", async () => {
    await host.reset("{}");
    const dev = stack("dev", { "live-restore": true, "max-concurrent-downloads": 6, labels: ["gpu=yes"] });
    await dev.up();
    const facts = async () => {
      const read = await daemonConfig.read(dev.id, URN, dev.state);
      return { file: read!.props.fileSettings, live: read!.props.liveSettings };
    };
    const good = { "live-restore": "true", "max-concurrent-downloads": "6", labels: "gpu=yes" };
    assert.deepEqual((await facts()).file, good);
    const { "max-concurrent-downloads": _, ...rest } = JSON.parse(host.text!) as Record<string, unknown>;
    host.text = JSON.stringify({ ...rest, "live-restore": false, labels: ["other=1"] });
    assert.deepEqual((await facts()).file, {
      "live-restore": "false",
      "max-concurrent-downloads": "nothing",
      labels: "other=1",
    });
    await dev.up();
    assert.deepEqual(await facts(), {
      file: good,
      live: { "live-restore": "in use", "max-concurrent-downloads": "in use", labels: "in use" },
    });
    // Only the daemon lost it.
    const whole = host.text;
    host.text = JSON.stringify({ ...JSON.parse(whole), "live-restore": false });
    await host.reload([`${mirror.url}/`]);
    while ((await info())["live-restore"] !== false) await sleep(20); // the mirrors say nothing: they were the same before
    host.text = whole;
    assert.equal((await facts()).live!["live-restore"], "uses false");
    assert.match((await dev.preview()).join(), /^liveSettings/);
    await dev.up();
    assert.equal((await info())["live-restore"], true);
    await dev.destroy();
  });

  it("drops a key when the settings drop it, and makes the daemon forget it", async () => {
    await host.reset("{}");
    const dev = stack("dev", { debug: true, labels: ["gpu=yes"] });
    await dev.up();
    await dev.up({ settings: { labels: ["gpu=yes"] } });
    assert.deepEqual(JSON.parse(host.text!), { "registry-mirrors": [mirror.url], labels: ["gpu=yes"] });
    assert.equal((await info()).debug, false);
    await dev.destroy();
    assert.equal(host.text, "{}");
  });

  it("stops at a value of somebody else's with both, writes nothing, and takes it over when told", async () => {
    await host.reset(FOREIGN);
    const wanted = { "shutdown-timeout": 30 };
    await assert.rejects(stack("dev", wanted).up(), {
      message:
        `${host.file} has shutdown-timeout = 20, this stack wants shutdown-timeout = 30: ` +
        'take one of the two away, or set dockerDaemon.onConflict: "override" (the former value is given back on destroy)',
    });
    assert.equal(host.text, FOREIGN);
    assert.ok(!existsSync(host.ledgerDir));
    const dev = stack("dev", wanted, { onConflict: "override" });
    await dev.up();
    assert.match(host.text, /"shutdown-timeout" : 30/);
    await assert.rejects(stack("other", { "shutdown-timeout": 40 }).up(), {
      message:
        `${host.file}: shutdown-timeout: stack "dev" has set shutdown-timeout to 30, stack "other" wants 40: ` +
        "give both the same value, or take it out of one",
    });
    await dev.destroy();
    assert.equal(host.text, FOREIGN);
  });

  it("says in the preview that a restart is needed and what it stops; apply refuses", async () => {
    await host.reset("{}");
    const dev = stack("dev", { "log-driver": "local" });
    assert.equal((await dev.inputs()).change, "restart: no container runs");
    await assert.rejects(
      dev.up(),
      /log-driver in .* needs a restart of Docker; no container runs: set dockerDaemon.allowRestart: true, or take/,
    );
    assert.equal(host.text, "{}");
  });

  it("names an unknown key of somebody else's before it restarts (F32)", async () => {
    const text = '{"graph-of-the-past": "/x"}';
    await host.reset(text);
    await assert.rejects(
      stack("dev", { "log-driver": "local" }, { allowRestart: true }).up(),
      /dockerd would refuse .*, so it was not touched: .*graph-of-the-past/,
    );
    assert.equal(host.text, text);
  });

  it("prints all of it with manage: print, and is content when it is done by hand", async () => {
    await host.reset(FOREIGN);
    const dev = stack(
      "dev",
      { "live-restore": true, "insecure-registries": ["ours:5000"] },
      { manage: "print" },
    );
    await dev.up();
    assert.match(
      dev.messages.join("\n"),
      /Put this into it:\n {2}"registry-mirrors": \["http:[^\n]*\],\n {2}"live-restore": true,\n {2}"insecure-registries": \["ours:5000", "theirs:5000"\]\nthen run: sudo kill -HUP/,
    );
    assert.equal(host.text, FOREIGN);
    host.text = JSON.stringify({
      "registry-mirrors": [mirror.url],
      "live-restore": true,
      "insecure-registries": ["ours:5000", "theirs:5000"],
      "shutdown-timeout": 20,
    });
    await host.reload([`${mirror.url}/`]);
    dev.messages.length = 0;
    await dev.up();
    assert.deepEqual(dev.messages, []);
    await host.reset("{}");
  });

  it("takes the policy that keeps cache mounts, by a restart that leaves file and daemon in agreement", async () => {
    await host.reset("{}");
    const settings = desiredDocument({
      insecureRegistries: [],
      settings: {},
      builderGc: { keepGB: 50, cacheMountsKeepDays: 14 },
    });
    const dev = stack("dev", settings, { allowRestart: true });
    await dev.up();
    const { stdout } = await execa("docker", ["buildx", "inspect", "default"], { env: host.engine.env });
    assert.match(stdout, /type==exec.cachemount[^#]*Keep Duration:\s+336h/);
    assert.match(stdout, /All:\s+true[^#]*(Keep Bytes|Reserved Space):\s+50GiB/);
    assert.deepEqual(await dev.preview(), []);
    await dev.destroy();
    assert.equal(host.text, "{}");
  });

  describe("flags of the running dockerd (F30)", () => {
    let flagged: PrivateHost;
    let bin: string;
    const path = process.env["PATH"];
    before(async () => {
      flagged = await PrivateHost.start([
        "--live-restore",
        "--log-opt",
        "max-size=5m",
        "--insecure-registry=a:5000",
      ]);
      bin = mkdtempSync(join(tmpdir(), "systemctl-"));
    });
    after(async () => {
      process.env["PATH"] = path;
      rmSync(bin, { recursive: true, force: true });
      await flagged?.stop();
    });

    it("stops before writing, and names the drop-in where systemd tells it", async () => {
      const before = flagged.text;
      const refused = async (settings: Record<string, unknown>) => {
        const wish = {
          dockerHost: flagged.engine.dockerHost,
          stack: "dev",
          mirrors: [],
          settings,
          allowRestart: true,
        };
        return wishProblem(wish, flagged.ledgerDir);
      };
      assert.match(
        (await refused({ "live-restore": true }))!,
        /^dockerd \(process \d+\) was started with --live-restore, and refuses the same setting in .*: remove the flag \(systemctl cat docker shows/,
      );
      // A stand-in for systemd's own answer.
      const cat =
        "# /etc/systemd/system/docker.service.d/log.conf\n[Service]\nExecStart=dockerd --log-opt max-size=5m\n";
      writeFileSync(join(bin, "systemctl"), `#!/bin/sh\ncat <<'END'\n${cat}END\n`);
      chmodSync(join(bin, "systemctl"), 0o755);
      process.env["PATH"] = `${bin}:${path}`;
      assert.match(
        (await refused({ "log-opts": { "max-size": "10m" } }))!,
        /started with --log-opt max-size=5m, .*: remove the flag from \/etc\/systemd\/system\/docker.service.d\/log.conf, restart Docker/,
      );
      process.env["PATH"] = path;
      assert.match(
        (await refused({ "insecure-registries": ["b:5000"] }))!,
        /started with --insecure-registry a:5000/,
      );
      assert.equal(await refused({ debug: true }), undefined);
      assert.equal(flagged.text, before);
    });
  });
});
