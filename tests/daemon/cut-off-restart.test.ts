import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applyConfig, type DaemonWish } from "../../lib/daemon/apply.ts";
import { finishCutOffRestart, type FinishOptions } from "../../lib/daemon/cut-off-restart.ts";
import { processOf, stillRuns } from "../../lib/daemon/dockerd-process.ts";
import { engineInfo } from "../../lib/daemon/engine-info.ts";
import { readLedger, restartPath } from "../../lib/daemon/ledger-file.ts";
import { startEngine } from "../../sandbox/engine.ts";
import { bundleChild, killedRun } from "./killed-child.ts";
import { startMirror } from "./mirror-stand-in.ts";
import { PrivateHost } from "./private-host.ts";

const FORMER = '{"shutdown-timeout": 20}';

describe("a restart of Docker whose run was killed while dockerd was down", function () {
  this.timeout(300_000);
  let host: PrivateHost;
  let child: string;
  let said: string[];

  before(async () => {
    host = await PrivateHost.start();
    child = await bundleChild(new URL("./killed-run.ts", import.meta.url), host.folder);
  });
  after(() => host?.stop());
  beforeEach(async () => {
    said = [];
    await host.reset(FORMER);
  });

  const isUp = () =>
    engineInfo(host.engine.layout.socket).then(
      () => true,
      () => false,
    );
  const wish = (settings: DaemonWish["settings"]): DaemonWish => ({
    dockerHost: host.engine.dockerHost,
    stack: "dev",
    mirrors: [],
    settings: settings!,
    allowRestart: true,
    previously: { mirrors: [] },
  });
  const journal = () => restartPath(host.ledgerDir, host.file);
  const finish = (more: Partial<FinishOptions> = {}) =>
    finishCutOffRestart(host.ledgerDir, host.engine.dockerHost, {
      stack: "dev",
      log: (line) => void said.push(line),
      ...more,
    });
  /** Kills a run at a step of its restart, with all that it has started. */
  const cutOff = async (settings: DaemonWish["settings"], killAt = "stopped") => {
    const [dockerd] = await processOf(host.pid);
    const order = { action: "apply" as const, wish: wish(settings), ledgerFolder: host.ledgerDir, killAt };
    assert.equal(await killedRun(child, order), killAt);
    assert.equal(await isUp(), killAt !== "stopped");
    assert.equal(await stillRuns(dockerd!), killAt !== "stopped");
    assert.equal(statSync(journal()).mode & 0o777, 0o600);
    assert.equal(statSync(host.ledgerDir).mode & 0o777, 0o700);
    return host.text;
  };
  const bad = () => ({ "seccomp-profile": join(host.folder, "gone.json") });
  /** A profile that is there when the file is tried out and gone when dockerd starts. */
  const cutOffBad = async () => {
    const profile = bad()["seccomp-profile"];
    writeFileSync(profile, "{}");
    const text = await cutOff(bad());
    rmSync(profile);
    assert.match(text!, /seccomp-profile/);
    return text;
  };

  it("is finished with a good setting: the engine answers, with the new content", async () => {
    const wanted = await cutOff({ "max-concurrent-uploads": 3, ipv6: false });
    await finish();
    assert.ok(await isUp());
    assert.equal(host.text, wanted);
    assert.ok(!existsSync(journal()));
    assert.match(said.join(), /^a run was killed while it restarted Docker: Docker is started again .*ipv6/);
    // Its mounts are not among ours.
    assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(`${host.engine.layout.dataRoot}/overlay2`));
    const pid = host.pid;
    await applyConfig(wish({ "max-concurrent-uploads": 3, ipv6: false }), {
      ledgerFolder: host.ledgerDir,
      log: () => undefined,
    });
    assert.equal(host.pid, pid, "no second restart");
  });

  it("is taken back with a bad one: the engine answers, with the former content and record", async () => {
    await cutOffBad();
    await finish();
    assert.ok(await isUp());
    assert.equal(host.text, FORMER);
    assert.equal((await readLedger(host.ledgerDir, host.file)).ledger, undefined);
    assert.ok(!existsSync(host.ledgerDir));
    assert.match(
      said.join("\n"),
      /^a run .* does not start with seccomp-profile as set .* former content again/,
    );
    assert.equal(said.length, 1);
  });

  it("leaves the start to the sandbox, which tries the former content in its turn", async () => {
    await cutOffBad();
    await finish({ start: () => startEngine({ root: join(host.folder, "engine") }) });
    assert.ok(await isUp());
    assert.equal(host.text, FORMER);
    assert.ok(!existsSync(host.ledgerDir));
  });

  it("leaves what somebody edited meanwhile as it is, and can be finished later", async () => {
    const wanted = await cutOffBad();
    host.text = `${wanted}\n`;
    await assert.rejects(finish(), /and Docker does not start: .*seccomp/);
    assert.equal(host.text, `${wanted}\n`);
    assert.ok(existsSync(journal()));
    host.text = FORMER;
    await finish();
    assert.ok(await isUp());
    assert.ok(!existsSync(journal()));
  });

  it("is no cause to keep a setting after which the stack's own cache does not come back", async () => {
    const mirror = await startMirror();
    const wanted = { ...wish({ ipv6: false }), mirrors: [mirror.url] };
    const manner = {
      ledgerFolder: host.ledgerDir,
      log: () => undefined,
      limits: { mirrorBackMs: 2_000 },
      onStep: (step: string) => (step === "stopped" ? mirror.close() : undefined),
    };
    await assert.rejects(
      applyConfig(wanted, manner),
      new RegExp(
        `^UserError: ${mirror.url} answered before the restart of Docker and does not 2 s after it. .* has its former content again$`,
      ),
    );
    assert.ok(await isUp());
    assert.equal(host.text, FORMER);
    assert.ok(!existsSync(host.ledgerDir), "neither record nor journal");
  });

  it("is only forgotten where the engine still answers", async () => {
    const pid = host.pid;
    const wanted = await cutOff({ ipv6: false }, "restarting");
    await finish();
    assert.deepEqual([host.pid, host.text, said], [pid, wanted, []]);
    assert.deepEqual(
      readdirSync(host.ledgerDir).filter((name) => name.endsWith(".restart")),
      [],
    );
    await finish();
  });
});
