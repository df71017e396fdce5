import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { replaceFile } from "../../lib/daemon/atomic-file.ts";
import { bundleChild } from "./killed-child.ts";

const OLD = `{"registry-mirrors": ["http://old"], "padding": "${"x".repeat(70_000)}"}\n`;
const NEW = `{"registry-mirrors": ["http://new"], "padding": "${"y".repeat(90_000)}"}\n`;

describe("replaceFile, killed before and after each of its calls of the file system", function () {
  this.timeout(120_000);
  let folder: string;
  let child: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "killed-write-"));
    child = await bundleChild(new URL("./killed-write.ts", import.meta.url), folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const etc = () => join(folder, "etc");
  const file = () => join(etc(), "daemon.json");
  const found = () => (existsSync(file()) ? readFileSync(file(), "utf8") : null);

  function write(text: string | null, killAt: number): Promise<string[] | undefined> {
    return new Promise((resolve, reject) => {
      const order = JSON.stringify({ file: file(), text, killAt });
      execFile(process.execPath, [child, order], (error, stdout, stderr) => {
        if (!error) resolve(JSON.parse(stdout) as string[]);
        else if (error.signal === "SIGKILL") resolve(undefined);
        else reject(new Error(stderr));
      });
    });
  }

  for (const [name, before, after] of [
    ["a file is replaced", OLD, NEW],
    ["a file is made", null, NEW],
    ["a file is removed", OLD, null],
  ] as const) {
    it(`${name}: whole old or whole new text, and the next call leaves nothing behind`, async () => {
      const seen = new Set<string>();
      let points = 0;
      for (let killAt = 1; ; killAt++) {
        rmSync(etc(), { recursive: true, force: true });
        mkdirSync(etc());
        if (before !== null) writeFileSync(file(), before);
        const calls = await write(after, killAt);
        if (calls) {
          points = calls.length;
          break;
        }
        const now = found();
        assert.ok(now === before || now === after, `cut off at point ${killAt}: ${now?.slice(0, 60)}`);
        seen.add(now === after ? "new" : "old");
        await replaceFile(file(), after, { mode: 0o644 });
        assert.equal(found(), after);
        assert.deepEqual(readdirSync(etc()), after === null ? [] : ["daemon.json"], `after point ${killAt}`);
      }
      assert.deepEqual([...seen].sort(), ["new", "old"]);
      console.log(`      ${points} points`);
      assert.ok(points >= 8, `only ${points} points`);
    });
  }
});
