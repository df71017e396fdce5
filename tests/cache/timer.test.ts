import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { removeTimer } from "../../cli/cache/timer.ts";
import { projectRoot } from "../../cli/project-folders.ts";
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

  it("is taken away with its stack: not another stack's, and not another clone's", async () => {
    const units = join(folder, "units");
    mkdirSync(units);
    const write = (stack: string, root: string) => {
      const { files } = timerUnits({ stack, root, node: "/usr/bin/node", path: "/bin" });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(units, name), text);
      return Object.keys(files);
    };
    const gone = write("gone", projectRoot);
    const others = [...write("other", projectRoot), ...write("theirs", "/another/clone")];
    assert.deepEqual(await removeTimer("gone", units), gone);
    assert.deepEqual(await removeTimer("theirs", units), []);
    assert.deepEqual(readdirSync(units), others);
    assert.deepEqual(await removeTimer("gone", units), []);
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
      else for (const [name, text] of Object.entries(files)) assertSections(name, text);
    });
  }
});

/** What can be said without systemd: every line is a comment, a section that its kind of unit has, or a setting below one. */
function assertSections(name: string, text: string): void {
  const own = name.endsWith(".timer") ? ["[Timer]", "[Install]"] : ["[Service]"];
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assert.deepEqual(
    lines.filter((line) => line.startsWith("[")),
    ["[Unit]", ...own],
  );
  for (const line of lines) assert.match(line, /^(\[\w+\]|[A-Z][A-Za-z]+=.+)$/);
}
