import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { parseDaemonJson } from "../../lib/daemon/daemon-json.ts";
import { claimsOn, readLedger } from "../../lib/daemon/ledger-file.ts";
import { applyConfig, releaseConfig } from "../../lib/daemon/apply.ts";
import type { Manner } from "../../lib/daemon/settle.ts";
import { bundleChild, killedRun } from "./killed-child.ts";
import { startMirror, type MirrorStandIn } from "./mirror-stand-in.ts";
import { PrivateHost } from "./private-host.ts";

describe("settle, on a real engine", function () {
  this.timeout(300_000);
  let host: PrivateHost;
  let mirror: MirrorStandIn;
  let child: string;
  const messages: string[] = [];

  before(async () => {
    host = await PrivateHost.start();
    mirror = await startMirror();
    child = await bundleChild(new URL("./killed-run.ts", import.meta.url), host.folder);
  });
  after(async () => {
    await mirror?.close();
    await host?.stop();
  });

  const manner = (more: Partial<Manner> = {}): Manner => ({
    ledgerFolder: host.ledgerDir,
    log: (message) => void messages.push(message),
    ...more,
  });
  const wish = (stack = "dev") => ({
    dockerHost: host.engine.dockerHost,
    stack,
    mirrors: [mirror.url],
    previously: { mirrors: [mirror.url] },
    file: host.file,
  });

  const killed = (action: "apply" | "release", killAt: number) =>
    killedRun(child, { action, wish: wish(), ledgerFolder: host.ledgerDir, killAt });

  async function assertGivenBack(text: string | null): Promise<void> {
    assert.equal(host.text, text);
    assert.deepEqual(await host.live(), []);
    assert.ok(!existsSync(host.ledgerDir), "no ledger is left");
    const left = readdirSync(dirname(host.file)).filter((name) => name.includes("gpu-build-host."));
    assert.deepEqual(left, [], "no half-written file is left");
  }

  for (const text of ['{\n  "debug": false\n}\n', null]) {
    const name = text === null ? "no file before" : "a file before";

    it(`killed at any step of an apply, the next run finishes it, and the first bytes come back (${name})`, async () => {
      const steps: string[] = [];
      for (let killAt = 1; ; killAt++) {
        await host.reset(text);
        const step = await killed("apply", killAt);
        if (step === undefined) break;
        steps.push(step);
        assert.ok(parseDaemonJson(host.text).ok, `a whole file after ${step}`);
        await applyConfig(wish(), manner());
        assert.deepEqual(await host.live(), [`${mirror.url}/`], `the mirror is used after ${step}`);
        await releaseConfig(wish(), manner());
        await assertGivenBack(text);
      }
      await releaseConfig(wish(), manner());
      await assertGivenBack(text);
      const written = ["temporary-written", "file-written", "reloaded", "verified"];
      assert.deepEqual(steps, ["locked", "ledger-written", "backed-up", ...written, "ledger-removed"]);
    });

    it(`killed at any step of a release, the next run finishes it (${name})`, async () => {
      const steps: string[] = [];
      for (let killAt = 1; ; killAt++) {
        await host.reset(text);
        await applyConfig(wish(), manner());
        const step = await killed("release", killAt);
        if (step === undefined) break;
        steps.push(step);
        assert.ok(parseDaemonJson(host.text).ok, `a whole file after ${step}`);
        // The user may also change his mind.
        if (killAt % 2 && step !== "ledger-removed") await applyConfig(wish(), manner());
        await releaseConfig(wish(), manner());
        await assertGivenBack(text);
      }
      await assertGivenBack(text);
      assert.ok(steps.includes("emptied") && steps.includes("ledger-removed"), steps.join());
      assert.equal(
        steps.filter((step) => step === "reloaded").length,
        text === null ? 1 : 2,
        "[] first, then the old bytes",
      );
    });
  }

  it("undoes a change that the daemon does not take, and says why", async () => {
    // dockerd --validate lets this pass (26.1), a reload refuses it: an edit of somebody's that waits for a restart.
    const text = '{"insecure-registries": ["-bad-"]}';
    await host.reset(text);
    await assert.rejects(
      applyConfig(wish(), manner({ limits: { verifyMs: 1000 } })),
      /did not take the mirrors .* in 1 s, it still uses \[\]: its log says why .* has its former content again$/,
    );
    await assertGivenBack(text);
  });

  it("tells both errors when going back fails too", async () => {
    const text = '{"insecure-registries": ["-bad-"]}';
    await host.reset(text);
    const theirs = '{"debug": false}';
    const onStep = (step: string) => void (step === "reloaded" && (host.text = theirs));
    await assert.rejects(
      applyConfig(wish(), manner({ limits: { verifyMs: 500 }, onStep })),
      /did not take the mirrors .*\. Going back failed too: .* was edited by somebody else meanwhile and was left as it is; its former content is in .*\.json$/,
    );
    assert.equal(host.text, theirs);
  });

  it("goes back to another stack's claims, not to nothing", async () => {
    await host.reset('{"debug": false}');
    await applyConfig(wish("first"), manner());
    const text = host.text;
    const { ledger } = await readLedger(host.ledgerDir, host.file);
    const onStep = (step: string) => {
      if (step === "verified") throw new Error("boom");
    };
    const other = await startMirror();
    await assert.rejects(
      applyConfig({ ...wish("second"), mirrors: [other.url] }, manner({ onStep })),
      /boom.*former content again/,
    );
    await other.close();
    assert.equal(host.text, text);
    assert.deepEqual(await host.live(), [`${mirror.url}/`]);
    assert.deepEqual((await readLedger(host.ledgerDir, host.file)).ledger, ledger);
    assert.deepEqual(
      (await claimsOn(mirror.url, host.ledgerDir)).map((claim) => claim.stack),
      ["first"],
    );
    await releaseConfig(wish("first"), manner());
    await assertGivenBack('{"debug": false}');
  });

  it("sees an edit between its reading and its writing, and keeps both changes", async () => {
    await host.reset('{"debug": false}');
    let edits = 0;
    const onStep = (step: string) => {
      if (step === "temporary-written" && ++edits === 1) host.text = '{"max-concurrent-uploads": 3}';
    };
    await applyConfig(wish(), manner({ onStep }));
    assert.deepEqual(JSON.parse(host.text!), {
      "max-concurrent-uploads": 3,
      "registry-mirrors": [mirror.url],
    });
    await releaseConfig(wish(), manner());
    await assertGivenBack('{"max-concurrent-uploads": 3}');
  });

  it("waits for another run and names it", async () => {
    await host.reset("{}");
    messages.length = 0;
    let blocked: Promise<unknown> | undefined;
    const onStep = async (step: string) => {
      if (step !== "locked") return;
      blocked = assert.rejects(
        applyConfig(wish("b"), manner({ limits: { lockMs: 200 } })),
        new RegExp(`waiting for the lock .*: process ${process.pid} of stack "dev" has it since`),
      );
      await blocked;
    };
    await applyConfig(wish(), manner({ onStep }));
    assert.ok(blocked);
    assert.ok(
      messages.some((message) =>
        message.startsWith(`waiting for stack "dev" (process ${process.pid}) to finish`),
      ),
    );
    await releaseConfig(wish(), manner());
    await assertGivenBack("{}");
  });
});
