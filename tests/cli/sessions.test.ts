import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { endSession } from "../../cli/sessions.ts";

describe("ending what a killed Pulumi left", () => {
  it("leaves a stranger alone that has the session's number by now", async () => {
    const stranger = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
    await once(stranger, "spawn");
    try {
      assert.equal(await endSession(stranger.pid!, 0), 0);
      assert.equal(stranger.exitCode, null);
      process.kill(stranger.pid!, 0);
    } finally {
      stranger.kill("SIGKILL");
    }
  });

  it("ends a plugin", async () => {
    const plugin = spawn("sh", ["-c", "sleep 60; : plugins/resource-command"], {
      detached: true,
      stdio: "ignore",
    });
    await once(plugin, "spawn");
    const ended = once(plugin, "exit");
    try {
      assert.ok((await endSession(plugin.pid!, 0)) >= 1);
      await ended;
    } finally {
      process.kill(-plugin.pid!, "SIGKILL");
    }
  });
});
