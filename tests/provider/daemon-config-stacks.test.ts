import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { BuildRun } from "../../lib/images/build-run.ts";
import { ledgerPath, refuseWhileClaimed } from "../../lib/daemon/ledger-file.ts";
import { daemonConfig, type DaemonConfigArgs } from "../../provider/daemon-config.ts";
import { startMirror, type MirrorStandIn } from "../daemon/mirror-stand-in.ts";
import { PrivateHost } from "../daemon/private-host.ts";
import { FOREIGN, Stack, URN } from "./daemon-stack.ts";

describe("DaemonConfig among others, on a real engine", function () {
  this.timeout(60_000);
  let host: PrivateHost;
  let mirror: MirrorStandIn;
  let second: MirrorStandIn;

  before(async () => {
    host = await PrivateHost.start();
    [mirror, second] = [await startMirror(), await startMirror()];
  });
  after(async () => {
    await Promise.all([mirror?.close(), second?.close()]);
    await host?.stop();
  });

  const stack = (name = "dev", changes: Partial<DaemonConfigArgs> = {}) =>
    new Stack({
      stack: name,
      dockerHost: host.engine.dockerHost,
      registryMirrors: [mirror.url],
      ledgerDir: host.ledgerDir,
      ...changes,
    });

  it("counts stacks: a mirror stays as long as one claims it, in every order", async () => {
    for (const order of [
      ["a", "b"],
      ["b", "a"],
    ]) {
      await host.reset(FOREIGN);
      const stacks: Record<string, Stack> = {
        a: stack("a"),
        b: stack("b", { registryMirrors: [mirror.url, second.url] }),
      };
      await stacks.a!.up();
      await stacks.b!.up();
      assert.deepEqual([...(await stacks.a!.preview()), ...(await stacks.b!.preview())], []);
      await assert.rejects(
        refuseWhileClaimed(mirror.url, "a", host.ledgerDir),
        /of stack "a" is in use by "b": destroy that stack first/,
      );
      await refuseWhileClaimed(second.url, "b", host.ledgerDir);
      await stacks[order[0]!]!.destroy();
      assert.deepEqual((await host.live())[0], `${mirror.url}/`);
      assert.deepEqual(await stacks[order[1]!]!.preview(), []);
      await stacks[order[1]!]!.destroy();
      assert.equal(host.text, FOREIGN);
    }
  });

  it("lets two stacks write at once", async () => {
    await host.reset(FOREIGN);
    const [a, b] = [stack("a"), stack("b", { registryMirrors: [second.url] })];
    await Promise.all([a.up(), b.up()]);
    assert.deepEqual([...(await a.preview()), ...(await b.preview())], []);
    await Promise.all([a.destroy(), b.destroy()]);
    assert.equal(host.text, FOREIGN);
  });

  it("lives with a lost or cut-off ledger, and says so", async () => {
    for (const lose of [(path: string) => rmSync(path), (path: string) => truncateSync(path, 40)]) {
      await host.reset('{"debug":false}');
      const dev = stack();
      await dev.up();
      lose(ledgerPath(host.ledgerDir, host.file));
      assert.match(
        (await dev.preview()).join(),
        /^claim: (no record|the record .* is damaged: it counts as lost) => recorded$/,
      );
      await dev.up();
      assert.ok(dev.messages.some((message) => /no record says what .* was before: only/.test(message)));
      assert.deepEqual(await dev.preview(), []);
      lose(ledgerPath(host.ledgerDir, host.file));
      await dev.destroy();
      assert.equal(host.text, '{"debug":false}');
      assert.deepEqual(await host.live(), []);
    }
  });

  it("changes and drops mirrors", async () => {
    await host.reset("{}");
    const dev = stack();
    await dev.up();
    const both = { registryMirrors: [second.url, mirror.url] };
    assert.match((await dev.preview(both)).join(), /^registryMirrors/);
    await dev.up(both);
    assert.deepEqual(await host.live(), [`${second.url}/`, `${mirror.url}/`]);
    await dev.up({ registryMirrors: [] });
    assert.deepEqual([await host.live(), host.text], [[], "{}"]);
    await dev.destroy();
    assert.equal(host.text, "{}");
  });

  it("keeps back-ups while it is in use, readable by their owner only", async () => {
    await host.reset("{}");
    const dev = stack();
    for (let run = 0; run < 7; run++)
      await dev.up({ registryMirrors: run % 2 ? [mirror.url] : [second.url] });
    const folder = join(host.ledgerDir, "backups");
    const copies = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    assert.equal(copies.length, 5);
    for (const copy of copies) assert.equal(statSync(join(copy.parentPath, copy.name)).mode & 0o777, 0o600);
    await dev.destroy();
    assert.ok(!existsSync(host.ledgerDir));
  });

  it("print: writes nothing, says what to do, and is clean once it is done", async () => {
    await host.reset(FOREIGN);
    await host.reload(["http://127.0.0.1:1/"]);
    const dev = stack("dev", { manage: "print" });
    await dev.up();
    assert.equal(host.text, FOREIGN);
    assert.ok(!existsSync(host.ledgerDir));
    const advice = dev.messages.join("\n");
    const line = `"registry-mirrors": ["${mirror.url}", "http://127.0.0.1:1"]`;
    assert.ok(
      advice.includes(line) &&
        advice.includes(host.file) &&
        /systemctl reload docker|kill -HUP \d+/.test(advice),
      advice,
    );
    assert.deepEqual(await dev.preview(), [
      `file: http://127.0.0.1:1 => ${mirror.url}`,
      `live: http://127.0.0.1:1 => ${mirror.url}`,
    ]);
    host.text = `{${line}}`;
    assert.deepEqual(await dev.preview(), [`live: http://127.0.0.1:1 => ${mirror.url}`]);
    await host.reload([`${mirror.url}/`, "http://127.0.0.1:1/"]);
    assert.deepEqual(await dev.preview(), []);
    dev.messages.length = 0;
    await dev.up();
    assert.deepEqual(dev.messages, []);
    await dev.destroy();
    assert.equal(host.text, `{${line}}`);
  });

  it("off: does nothing at all; leaving apply gives the file back first", async () => {
    await host.reset("{}");
    const off = stack("dev", { manage: "off", registryMirrors: ["http://127.0.0.1:9"] });
    await off.up();
    assert.deepEqual([await off.preview(), host.text, off.messages], [[], "{}", []]);
    await off.up({ manage: "apply", registryMirrors: [mirror.url] });
    assert.deepEqual(await host.live(), [`${mirror.url}/`]);
    await off.destroy();
    assert.deepEqual([host.text, await host.live()], ["{}", []]);
    const dev = stack();
    await dev.up();
    await dev.up({ manage: "off" });
    assert.deepEqual([host.text, await host.live()], ["{}", []]);
    assert.ok(!existsSync(host.ledgerDir));
  });

  it("refuses a daemon that has the same setting as a flag", async () => {
    const flagged = await PrivateHost.start(["--registry-mirror=http://127.0.0.1:1"]);
    try {
      const before = flagged.text;
      const dev = stack("dev", { dockerHost: flagged.engine.dockerHost, ledgerDir: flagged.ledgerDir });
      await assert.rejects(
        dev.up(),
        /was started with --registry-mirror http:\/\/127.0.0.1:1, and refuses the same setting in .*: remove the flag/,
      );
      assert.equal(flagged.text, before);
    } finally {
      await flagged.stop();
    }
  });

  it("gives the file back while the engine is stopped; preview does not throw", async () => {
    const other = await PrivateHost.start();
    try {
      await other.reset(FOREIGN);
      const dev = stack("dev", { dockerHost: other.engine.dockerHost, ledgerDir: other.ledgerDir });
      await dev.up();
      const { stopEngine } = await import("../../sandbox/engine.ts");
      await stopEngine(join(other.folder, "engine"));
      assert.match((await dev.preview()).join(), /^live: no engine listens on .*: start it .* => http/);
      await assert.rejects(dev.up(), /no engine listens on unix:.*: start it/);
      await dev.destroy();
      assert.equal(other.text, FOREIGN);
    } finally {
      await other.stop();
    }
  });

  it("replaces, old first, when engine, ledger or stack change", async () => {
    await host.reset("{}");
    const dev = stack("dev", { manage: "off" });
    await dev.up();
    const moved = await dev.inputs({ dockerHost: "unix:///elsewhere.sock" });
    const diff = await daemonConfig.diff(dev.id, URN, dev.state, moved);
    assert.deepEqual([diff.replaces, diff.deleteBeforeReplace], [["dockerHost"], true]);
  });

  it("stops before it writes when the run is stopped", async () => {
    await host.reset("{}");
    const dev = stack();
    const session = {
      log: async () => undefined,
      signal: AbortSignal.abort(new Error("stopped")),
      run: new BuildRun(),
    };
    await assert.rejects(daemonConfig.create(URN, await dev.inputs(), session), /stopped/);
    assert.equal(host.text, "{}");
    assert.ok(!existsSync(host.ledgerDir));
  });
});
