import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { timerUnits } from "../../lib/cache-store/timer-unit.ts";

describe("timer of the cache", () => {
  const folder = mkdtempSync(join(tmpdir(), "gbh-units-"));
  after(() => rmSync(folder, { recursive: true }));

  it("runs prune for its stack in the project's folder", () => {
    const { name, files } = timerUnits({ stack: "dev", root: "/p", node: "/usr/bin/node", path: "/bin" });
    assert.deepEqual(Object.keys(files), [`${name}.service`, `${name}.timer`]);
    const service = files[`${name}.service`]!;
    assert.match(service, /^WorkingDirectory=\/p$/m);
    assert.match(service, /^ExecStart=\/usr\/bin\/node bootstrap\/run\.mjs cache prune --stack dev$/m);
  });

  for (const odd of ["plain", "with blanks", "100% of it", 'a "quoted" one', "$HOME"]) {
    it(`is taken by systemd where a folder is called ${odd}`, async () => {
      const root = join(folder, odd);
      mkdirSync(root);
      const { files } = timerUnits({ stack: "dev", root, node: process.execPath, path: `${root}:/usr/bin` });
      const paths = Object.entries(files).map(([name, text]) => {
        writeFileSync(join(root, name), text);
        return join(root, name);
      });
      const { exitCode, all } = await execa("systemd-analyze", ["verify", ...paths], {
        all: true,
        reject: false,
      });
      // Without systemd's programs there is nobody to ask: then the lines alone are looked at.
      if (exitCode !== undefined) assert.deepEqual([exitCode, all], [0, ""]);
      else assert.match(files["gpu-build-host-cache-dev.timer"]!, /^OnCalendar=daily$/m);
    });
  }
});
