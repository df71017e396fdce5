import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { restartUnit } from "../../lib/daemon/service.ts";

describe("a restart by systemd (a stand-in for systemctl)", () => {
  let bin: string;
  const path = process.env["PATH"];
  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), "systemctl-"));
    process.env["PATH"] = `${bin}:${path}`;
  });
  afterEach(() => {
    process.env["PATH"] = path;
    rmSync(bin, { recursive: true, force: true });
  });

  function standIn(restart: string): void {
    const script = `#!/bin/sh\necho "$*" >> ${bin}/calls\n[ "$1" = restart ] && { ${restart}; }\nexit 0\n`;
    writeFileSync(join(bin, "systemctl"), script);
    chmodSync(join(bin, "systemctl"), 0o755);
  }
  const calls = () => readFileSync(join(bin, "calls"), "utf8").trim().split("\n");

  it("has systemd forget former starts, then restarts once", async () => {
    standIn("true");
    await restartUnit("docker.service", 5_000);
    assert.deepEqual(calls(), ["reset-failed docker.service docker.socket", "restart docker.service"]);
  });

  it("stops a unit that does not come back, so that its starts are not used up, and says systemd's words", async () => {
    standIn(
      'echo "Job for docker.service failed because the control process exited with error code." >&2; exit 1',
    );
    await assert.rejects(restartUnit("docker.service", 5_000), {
      message:
        "systemctl restart docker.service failed (Job for docker.service failed because the control process exited with error code.): " +
        "journalctl -u docker.service says why",
    });
    assert.deepEqual(calls().slice(2), [
      "stop docker.service docker.socket",
      "reset-failed docker.service docker.socket",
    ]);
  });

  it("gives up on one that hangs", async () => {
    standIn("exec sleep 60");
    await assert.rejects(
      restartUnit("docker.service", 1_000),
      /systemctl restart docker.service failed \(no end in 1 s\)/,
    );
  });
});
