import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entriesOf } from "../../lib/daemon/desired.ts";
import { settle } from "../../lib/daemon/settle.ts";
import { bundleChild } from "./killed-child.ts";

describe("a daemon.json that is odd is refused or preserved, never damaged (F29)", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "strict-file-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const file = () => join(folder, "daemon.json");
  const ledger = () => join(folder, "ledger");
  /** What a stack does while the engine is stopped: file and ledger alone. */
  const settled = (mirrors: string[], settings: Record<string, unknown> = {}) =>
    settle(
      {
        file: file(),
        daemon: undefined,
        stack: "dev",
        entries: entriesOf(mirrors, settings),
        previously: [],
        allowRestart: false,
        override: false,
      },
      { ledgerFolder: ledger(), log: () => undefined },
    );

  const refused: [what: string, text: string | Buffer, message: string][] = [
    [
      "a byte order mark",
      '\uFEFF{"debug": true}',
      ":1:1: the file starts with a byte order mark: save it as UTF-8 without a byte order mark",
    ],
    ["UTF-16", Buffer.from("\uFEFF{}", "utf16le"), " is not UTF-8 text: save it as UTF-8"],
    [
      "a comment",
      '{\n  // why\n  "debug": true\n}',
      ":2:3: a comment: remove it: JSON has no comments and dockerd would not start",
    ],
    ["a trailing comma", '{\n  "debug": true,\n}', ":3:1: a comma before }: remove the comma"],
    ["an array", '["debug"]', ":1:1: the file holds a list: write an object: { … }"],
    ["null", "null", ":1:1: the file holds null: write an object: { … }"],
    [
      "two documents",
      '{"debug": true}\n{"debug": false}',
      ":2:1: more text after the end of the object: keep one object",
    ],
    [
      "a key twice",
      '{"debug": true,\n "debug": false}',
      ':2:2: the key "debug" stands there twice: keep one: dockerd would silently take the last',
    ],
    ["half a file", '{"debug": tr', ':1:11: "t" is not JSON here: make it valid JSON'],
    [
      "10 MB",
      `{"labels": ["a=${"x".repeat(10_000_000)}"]}`,
      " has 10000018 bytes, that is no daemon.json: check what wrote it",
    ],
  ];
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, async () => {
      writeFileSync(file(), text);
      const before = readFileSync(file());
      const { ino } = statSync(file());
      await assert.rejects(settled(["http://ours"], { "live-restore": true }), { message: file() + message });
      assert.ok(readFileSync(file()).equals(before));
      assert.equal(statSync(file()).ino, ino);
      assert.ok(!existsSync(ledger()));
    });
  }

  it("refuses a folder", async () => {
    mkdirSync(file());
    await assert.rejects(settled(["http://ours"]), {
      message: `${file()} is not a file: put a plain daemon.json there`,
    });
    assert.ok(statSync(file()).isDirectory());
  });

  const preserved: [what: string, text: string | null][] = [
    ["an empty file", ""],
    ["white space alone", " \n"],
    ["no file", null],
    ["null values", '{"registry-mirrors": null, "live-restore":null , "log-opts": null}'],
    [
      "a number beyond 2^53 and odd white space",
      '{"x-y" :9007199254740993,\t"схема":"\\u00e9" ,\r\n"labels":[ ] }',
    ],
  ];
  for (const [what, text] of preserved) {
    it(`gives back ${what}`, async () => {
      if (text !== null) writeFileSync(file(), text);
      await settled(["http://ours"], { "live-restore": true, "log-opts": { "max-size": "1m" } });
      const { "registry-mirrors": mirrors } = JSON.parse(readFileSync(file(), "utf8"));
      assert.deepEqual(mirrors, ["http://ours"]);
      await settled([]);
      assert.equal(existsSync(file()) ? readFileSync(file(), "utf8") : null, text);
      assert.ok(!existsSync(ledger()));
    });
  }

  it("writes through links, also one that leads to nothing yet, and gives that back too", async () => {
    symlinkSync("real.json", file());
    await settled(["http://ours"]);
    assert.ok(lstatSync(file()).isSymbolicLink());
    assert.match(readFileSync(join(folder, "real.json"), "utf8"), /ours/);
    await settled([]);
    assert.ok(lstatSync(file()).isSymbolicLink() && !existsSync(join(folder, "real.json")));
  });

  it("keeps mode 000", async function () {
    if (process.getuid?.() !== 0) this.skip();
    writeFileSync(file(), "{}");
    chmodSync(file(), 0o000);
    await settled(["http://ours"]);
    assert.equal(statSync(file()).mode & 0o7777, 0);
    await settled([]);
    assert.equal(statSync(file()).mode & 0o7777, 0);
    assert.equal(readFileSync(file(), "utf8"), "{}");
  });

  it("refuses an immutable file", function () {
    if (process.getuid?.() !== 0) this.skip();
    writeFileSync(file(), '{"debug": true}');
    try {
      execFileSync("chattr", ["+i", file()], { stdio: "ignore" });
    } catch {
      this.skip(); // this file system has no such attribute
    }
    return assert
      .rejects(settled(["http://ours"]), {
        message: `${file()} may not be replaced (an immutable file: chattr -i, or no right): or set manage: print`,
      })
      .then(() => {
        assert.equal(readFileSync(file(), "utf8"), '{"debug": true}');
        assert.ok(!existsSync(ledger()));
      })
      .finally(() => execFileSync("chattr", ["-i", file()]));
  });

  const mounts: [what: string, mount: string, message: string][] = [
    [
      "a bind-mounted file",
      'mount --bind "$1" "$1"',
      " is a bind mount, it cannot be replaced: edit the file that is mounted there, or set manage: print",
    ],
    [
      "a read-only mount",
      'mount --bind "$2" "$2" && mount -o remount,bind,ro "$2"',
      " is on a read-only file system: make it writable, or set manage: print",
    ],
    [
      "a full disk",
      'mount -t tmpfs -o size=8k none "$2" && printf %s "{\\"debug\\": true}" > "$1" && head -c 4096 /dev/zero > "$2/full"; true',
      ": free some, nothing was changed",
    ],
  ];
  for (const [what, mount, message] of mounts) {
    it(`refuses ${what}, and leaves no record`, async function () {
      if (process.getuid?.() !== 0) this.skip();
      const child = await bundleChild(new URL("./settle-file.ts", import.meta.url), folder);
      const etc = join(folder, "etc");
      mkdirSync(etc);
      const inside = join(etc, "daemon.json");
      writeFileSync(inside, '{"debug": true}');
      // A mount namespace of its own: nothing is mounted outside, and nothing is left.
      const script = `${mount}\n"$3" "$4" "$1" "$5"; cat "$1"`;
      const args = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", inside, etc];
      const output = execFileSync("unshare", [...args, process.execPath, child, ledger()], {
        encoding: "utf8",
      });
      const [said, now] = output.split("\n");
      assert.ok(said?.includes(inside) && said.endsWith(message), said);
      assert.equal(now, '{"debug": true}');
      assert.ok(!existsSync(ledger()));
    });
  }
});
