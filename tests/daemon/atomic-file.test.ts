import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { replaceFile } from "../../lib/daemon/atomic-file.ts";
import { readDaemonJson } from "../../lib/daemon/read-file.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

describe("replaceFile", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "atomic-file-"))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("keeps mode and owner of an existing file", async function () {
    if (!isRoot) this.skip();
    const file = join(folder, "daemon.json");
    await writeFile(file, "old");
    await chmod(file, 0o640);
    await chown(file, 1234, 4321);
    await replaceFile(file, "new", { mode: 0o644 });
    const { mode, uid, gid } = await stat(file);
    assert.deepEqual([mode & 0o7777, uid, gid, await readFile(file, "utf8")], [0o640, 1234, 4321, "new"]);
    assert.deepEqual(await readdir(folder), ["daemon.json"]);
  });

  it("gives a new file its mode whatever the umask, and makes its folder", async () => {
    const umask = process.umask(0o077);
    try {
      await replaceFile(join(folder, "docker", "daemon.json"), "new", { mode: 0o644 });
    } finally {
      process.umask(umask);
    }
    assert.equal((await stat(join(folder, "docker", "daemon.json"))).mode & 0o7777, 0o644);
  });

  it("keeps symbolic links, dangling ones included", async () => {
    await mkdir(join(folder, "real"));
    for (const name of ["there", "missing"]) {
      if (name === "there") await writeFile(join(folder, "real", name), "old");
      await symlink(`real/${name}`, join(folder, name));
      await replaceFile(join(folder, name), "new", { mode: 0o644 });
      assert.ok((await lstat(join(folder, name))).isSymbolicLink());
      assert.equal(await readlink(join(folder, name)), `real/${name}`);
      assert.equal(await readFile(join(folder, "real", name), "utf8"), "new");
      assert.ok(!(await lstat(join(folder, "real", name))).isSymbolicLink());
    }
  });

  it("removes a file, and is content if there is none", async () => {
    const file = join(folder, "daemon.json");
    await writeFile(file, "old");
    await replaceFile(file, null, { mode: 0o644 });
    await replaceFile(file, null, { mode: 0o644 });
    assert.deepEqual(await readdir(folder), []);
  });

  it("leaves the old text if it is stopped before the last step", async () => {
    const file = join(folder, "daemon.json");
    await writeFile(file, "old");
    const onWritten = () => {
      throw new Error("stopped");
    };
    await assert.rejects(replaceFile(file, "new", { mode: 0o644, onWritten }), /stopped/);
    assert.equal(await readFile(file, "utf8"), "old");
    assert.deepEqual(await readdir(folder), ["daemon.json"]);
  });

  it("clears what a killed run left, and nothing else", async () => {
    const file = join(folder, "daemon.json");
    await writeFile(join(folder, ".daemon.json.gpu-build-host.999999999"), "half");
    await writeFile(join(folder, "daemon.json.20240101"), "somebody's");
    await replaceFile(file, "new", { mode: 0o644 });
    assert.deepEqual((await readdir(folder)).sort(), ["daemon.json", "daemon.json.20240101"]);
  });

  it("says that a bind mount or a read-only file system is in the way", async function () {
    if (!isRoot) this.skip();
    const child = fileURLToPath(new URL("./replace-file.ts", import.meta.url));
    const attempt = async (mount: string) => {
      const script = `${mount} && exec "$0" --import tsx "$1" "$2/daemon.json"`;
      // A mount namespace of its own: nothing is mounted outside.
      const args = [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-ec",
        script,
        process.execPath,
        child,
        folder,
      ];
      return (await run("unshare", args, { cwd: process.cwd() })).stdout.trim();
    };
    await writeFile(join(folder, "daemon.json"), "old");
    assert.match(
      await attempt('mount --bind "$2/daemon.json" "$2/daemon.json"'),
      /is a bind mount, it cannot be replaced: edit/,
    );
    assert.match(
      await attempt('mount --bind "$2" "$2" && mount -o remount,bind,ro "$2"'),
      /read-only file system: make it writable/,
    );
    assert.equal(await readFile(join(folder, "daemon.json"), "utf8"), "old");
    assert.deepEqual(await readdir(folder), ["daemon.json"]);
  });
});

describe("readDaemonJson", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "read-file-"))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("refuses what is no text file, and says why", async () => {
    const file = join(folder, "daemon.json");
    assert.equal(await readDaemonJson(file), null);
    await mkdir(file);
    await assert.rejects(readDaemonJson(file), /is not a file/);
    await rm(file, { recursive: true });
    await writeFile(file, Buffer.from([0x7b, 0xff, 0x7d]));
    await assert.rejects(readDaemonJson(file), /is not UTF-8 text/);
    await writeFile(file, " ".repeat(2 * 1024 * 1024));
    await assert.rejects(readDaemonJson(file), /has 2097152 bytes, that is no daemon.json/);
    await writeFile(file, "\uFEFF{}");
    await assert.rejects(readDaemonJson(file), /byte order mark/);
    await writeFile(file, '{\n  "debug": true,\n}');
    await assert.rejects(readDaemonJson(file), new RegExp(`${file}:3:1: a comma before }: remove the comma`));
  });

  it("reads through links; a dangling one is no file", async () => {
    await symlink("nowhere", join(folder, "a"));
    assert.equal(await readDaemonJson(join(folder, "a")), null);
    await writeFile(join(folder, "nowhere"), "{}");
    assert.equal(await readDaemonJson(join(folder, "a")), "{}");
  });
});
