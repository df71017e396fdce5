import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import type { DaemonConfigArgs } from "../../provider/daemon-config.ts";
import { startMirror, type MirrorStandIn } from "../daemon/mirror-stand-in.ts";
import { PrivateHost } from "../daemon/private-host.ts";
import { FOREIGN, Stack } from "./daemon-stack.ts";

describe("DaemonConfig on a real engine", function () {
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

  it("puts the mirror first in file and daemon, changes nothing when asked again, and gives the old bytes back", async () => {
    await host.reset(FOREIGN);
    await host.reload(["http://127.0.0.1:1/"]);
    const dev = stack();
    await dev.up();
    assert.equal(host.text, FOREIGN.replace("[ ", `[ "${mirror.url}", `));
    assert.deepEqual(await host.live(), [`${mirror.url}/`, "http://127.0.0.1:1/"]);
    assert.deepEqual(await dev.preview(), []);
    const before = statSync(host.file);
    await dev.up();
    assert.equal(statSync(host.file).ino, before.ino);
    await dev.destroy();
    assert.equal(host.text, FOREIGN);
    assert.deepEqual(await host.live(), ["http://127.0.0.1:1/"]);
    assert.ok(!existsSync(host.ledgerDir), "ledger and back-ups are gone");
  });

  for (const [name, text] of [
    ["no file", null],
    ["an empty file", ""],
    ["a file without mirrors", '{"debug":false}'],
  ] as const) {
    it(`undoes the mirror in the daemon too where there was ${name}`, async () => {
      await host.reset(text);
      const dev = stack();
      await dev.up();
      assert.deepEqual(await host.live(), [`${mirror.url}/`]);
      await dev.destroy();
      assert.equal(host.text, text);
      assert.deepEqual(await host.live(), []);
    });
  }

  it("keeps mode, owner and symbolic link", async () => {
    await host.reset("{}");
    const real = join(host.folder, "etc", "daemon.json");
    mkdirSync(join(host.folder, "etc"), { recursive: true });
    renameSync(host.file, real);
    symlinkSync(real, host.file);
    chmodSync(real, 0o640);
    chownSync(real, 0, 1234);
    try {
      const dev = stack();
      await dev.up();
      assert.ok(lstatSync(host.file).isSymbolicLink());
      const facts = statSync(real);
      assert.deepEqual([facts.mode & 0o7777, facts.gid], [0o640, 1234]);
      assert.equal(dev.id, real);
      await dev.destroy();
      assert.equal(readFileSync(real, "utf8"), "{}");
      assert.equal(statSync(real).gid, 1234);
    } finally {
      rmSync(host.file, { force: true });
    }
  });

  it("shows drift as old => new, repairs it, and keeps what somebody else edited", async () => {
    await host.reset(FOREIGN);
    const dev = stack();
    await dev.up();
    const ours = host.text!;
    const cases: [text: string | null, shown: string][] = [
      [
        ours.replace(`"${mirror.url}", "http://127.0.0.1:1"`, `"http://127.0.0.1:1", "${mirror.url}"`),
        `http://127.0.0.1:1, ${mirror.url}`,
      ],
      ['{"max-concurrent-downloads": 8}', "no registry-mirrors"],
      ['{"registry-mirrors": []}', "none"],
      ["", "no registry-mirrors"],
      [null, "no file"],
    ];
    for (const [text, shown] of cases) {
      host.text = text;
      assert.deepEqual(await dev.preview(), [`file: ${shown} => ${mirror.url}`]);
      await dev.up();
      assert.deepEqual(await dev.preview(), []);
    }
    host.text = host.text!.replace("{", '{ "max-concurrent-uploads": 3,');
    assert.deepEqual(await dev.preview(), []);
    await dev.destroy();
    assert.deepEqual(JSON.parse(host.text), { "max-concurrent-uploads": 3 });
    assert.deepEqual(await host.live(), []);
  });

  it("notices that only the running daemon lost the mirror, and reloads", async () => {
    await host.reset("{}");
    const dev = stack();
    await dev.up();
    const text = host.text!;
    host.text = '{"registry-mirrors": []}';
    await host.reload([]);
    host.text = text;
    assert.deepEqual(await dev.preview(), [`live: none => ${mirror.url}`]);
    await dev.up();
    assert.deepEqual(await host.live(), [`${mirror.url}/`]);
    await dev.destroy();
    assert.equal(host.text, "{}");
  });

  it("shows a broken file as drift, refuses to touch it with line and column, and goes on once it is mended", async () => {
    await host.reset("{}");
    const dev = stack();
    await dev.up();
    const broken = '{\n  "debug": true,\n}\n';
    host.text = broken;
    assert.deepEqual(await dev.preview(), [
      `file: broken: ${host.file}:3:1: a comma before }: remove the comma => ${mirror.url}`,
    ]);
    for (const attempt of [() => dev.up(), () => dev.destroy()]) {
      await assert.rejects(attempt(), { message: `${host.file}:3:1: a comma before }: remove the comma` });
    }
    assert.equal(host.text, broken);
    host.text = '{\n  "debug": true\n}\n';
    await dev.up();
    assert.deepEqual(await host.live(), [`${mirror.url}/`]);
    await dev.destroy();
    assert.equal(host.text, '{\n  "debug": true\n}\n');
    await host.reset("{}");
  });

  it("does not write what dockerd --validate refuses", async () => {
    const text = '{"log-level": "loud"}';
    await host.reset(text);
    await assert.rejects(stack().up(), /dockerd would refuse .*, so it was not touched: .*loud/);
    assert.equal(host.text, text);
  });

  it("does not write a dead mirror", async () => {
    await host.reset("{}");
    const dead = await startMirror((_, response) => response.writeHead(404).end());
    await assert.rejects(
      stack("dev", { registryMirrors: [dead.url] }).up(),
      /is not used: .* answers 404.* daemon.json was not touched/,
    );
    await dead.close();
    assert.equal(host.text, "{}");
    assert.ok(!existsSync(host.ledgerDir));
  });
});
