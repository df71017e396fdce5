import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  foreignFiles,
  lookAt,
  removeFiles,
  writeFiles,
  type FileSource,
  type HostFolder,
} from "../../lib/host/host-folder.ts";
import { BuildRun } from "../../lib/images/build-run.ts";
import { hostsToml } from "../../lib/registry/hosts-toml.ts";
import { hostFolder, type HostFolderState } from "../../provider/host-folder.ts";
import type { Session } from "../../provider/resource-handler.ts";

const session: Session = {
  log: async () => {},
  signal: new AbortController().signal,
  run: new BuildRun(),
};

describe("HostFolder", () => {
  let root: string;
  let wish: HostFolder;
  const file = () => join(wish.folder, "hosts.toml");
  const toml = hostsToml("nvcr.io", "http://127.0.0.1:5001");

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "gbh-folder-"));
    wish = {
      stack: "dev",
      folder: join(root, "certs.d", "nvcr.io"),
      files: { "hosts.toml": { text: toml } },
      reader: "everyone",
    };
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("writes hosts.toml with our mark, for everyone to read, and takes it away with its folder", async () => {
    await writeFiles(wish);
    assert.equal(
      readFileSync(file(), "utf8"),
      `# Written by gpu-build-host for the stack "dev"; removed with it.
server = "https://nvcr.io"

[host."http://127.0.0.1:5001"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "2s"
`,
    );
    assert.equal(statSync(file()).mode & 0o777, 0o644);
    assert.equal(statSync(wish.folder).mode & 0o777, 0o755);
    assert.deepEqual(readdirSync(wish.folder), ["hosts.toml"]);
    await removeFiles(wish);
    assert.ok(!existsSync(wish.folder) && existsSync(join(root, "certs.d")));
    await removeFiles(wish);
  });

  it("tells each kind of drift", async () => {
    assert.equal(await lookAt(wish), "hosts.toml is missing");
    await writeFiles(wish);
    assert.equal(await lookAt(wish), "as declared");
    writeFileSync(file(), readFileSync(file(), "utf8") + "# more\n");
    assert.equal(await lookAt(wish), "hosts.toml is another");
    writeFileSync(file(), "mine\n");
    assert.equal(await lookAt(wish), "hosts.toml is not ours");
    rmSync(file());
    mkdirSync(file());
    assert.equal(await lookAt(wish), "hosts.toml cannot be read (EISDIR)");
  });

  it("never touches somebody else's file: shows it and stops, before it writes another", async () => {
    mkdirSync(wish.folder, { recursive: true });
    const foreign = '[host."https://mirror.example"]\n';
    writeFileSync(file(), foreign);
    const both = { ...wish, files: { "ca.crt": { text: "x" }, ...wish.files } };
    await assert.rejects(writeFiles(both), {
      name: "UserError",
      message: `${file()} is not ours and is left as it is; it begins: ${JSON.stringify(foreign)}. Move it away, or take the setting out`,
    });
    await removeFiles(both);
    assert.equal(readFileSync(file(), "utf8"), foreign);
    assert.deepEqual(readdirSync(wish.folder), ["hosts.toml"]);
  });

  it("names the other stack that a file belongs to", async () => {
    await writeFiles({ ...wish, stack: "cu126" });
    assert.deepEqual(await foreignFiles(wish), [
      `${file()} belongs to the stack "cu126": keep the setting in one of the two stacks`,
    ]);
  });

  it("keeps what others have in the folder", async () => {
    mkdirSync(wish.folder, { recursive: true });
    writeFileSync(join(wish.folder, "ca.crt"), "theirs");
    await writeFiles(wish);
    await removeFiles(wish);
    assert.deepEqual(readdirSync(wish.folder), ["ca.crt"]);
  });

  it("removes what is no longer wanted, and what a killed run left", async () => {
    await writeFiles({ ...wish, files: { "ca.crt": { text: "x" }, ...wish.files } });
    writeFileSync(join(wish.folder, ".gpu-build-host.1234"), "half");
    await writeFiles({ ...wish, files: { "hosts.toml": { text: "other" } } }, ["ca.crt", "hosts.toml"]);
    assert.deepEqual(readdirSync(wish.folder), ["hosts.toml"]);
  });

  it("replaces a link, and does not write through it", async () => {
    const target = join(root, "target");
    writeFileSync(target, `# Written by gpu-build-host for the stack "dev"; removed with it.\nold`);
    mkdirSync(wish.folder, { recursive: true });
    symlinkSync(target, file());
    await writeFiles(wish);
    assert.match(readFileSync(target, "utf8"), /old$/);
    assert.ok(!statSync(file()).isSymbolicLink() && readFileSync(file(), "utf8").endsWith(toml));
  });

  it("says what to do where it may not write", async () => {
    writeFileSync(join(root, "certs.d"), "a file");
    await assert.rejects(writeFiles(wish), {
      name: "UserError",
      message: `${wish.folder} or a folder above it is a file: remove that file`,
    });
  });

  describe("for a cache's container", () => {
    let secrets: HostFolder;
    const tokenFile = () => join(root, "token");
    const source = (): FileSource => ({
      login: { username: "me", password: { file: tokenFile() } },
      server: "https://r",
    });

    beforeEach(() => {
      writeFileSync(tokenFile(), "hunter2\n");
      const folder = join(root, "registry-cache", "dev");
      secrets = { stack: "dev", folder, files: { "login.json": source() }, reader: "cache" };
    });

    it("gives the files to the registry's user alone", async () => {
      await writeFiles(secrets);
      const path = join(secrets.folder, "login.json");
      assert.match(readFileSync(path, "utf8"), /"Secret":"hunter2"/);
      const above = statSync(join(root, "registry-cache"));
      assert.equal(above.mode & 0o777, 0o700);
      if (process.getuid?.() === 0) {
        assert.deepEqual([statSync(path).mode & 0o777, statSync(path).uid], [0o400, 65534]);
        assert.deepEqual(
          [statSync(secrets.folder).mode & 0o777, statSync(secrets.folder).uid],
          [0o700, 65534],
        );
      }
      await removeFiles(secrets);
      assert.ok(!existsSync(join(root, "registry-cache")));
    });

    it("sees a new password as drift, and does not mind one that cannot be read now", async () => {
      await writeFiles(secrets);
      writeFileSync(tokenFile(), "hunter3\n");
      assert.equal(await lookAt(secrets), "login.json is another");
      rmSync(tokenFile());
      assert.equal(await lookAt(secrets), "as declared");
    });
  });

  describe("as a resource", () => {
    const state = (): HostFolderState => ({ ...wish, dockerHost: "" });

    it("is created, compared, mended and deleted", async () => {
      const { inputs } = await hostFolder.check("urn", undefined, state());
      const { id, outs } = await hostFolder.create("urn", inputs, session);
      const changes = async (olds: HostFolderState, news: HostFolderState) =>
        (await hostFolder.diff(id, "urn", olds, news)).changes;
      const live = async () => (await hostFolder.read(id, "urn", outs))!.props;
      assert.equal(await changes(await live(), inputs), false);
      rmSync(file());
      assert.equal((await live()).found, "hosts.toml is missing");
      assert.equal(await changes(await live(), inputs), true);
      await hostFolder.update(id, "urn", await live(), inputs, session);
      assert.equal(await changes(await live(), inputs), false);
      await hostFolder.delete(id, "urn", outs, session);
      assert.ok(!existsSync(wish.folder));
    });

    it("is the same whatever the order of its keys, and another one in another folder", async () => {
      const a = { ...state(), files: { x: { copyOf: "/x", isSecret: true }, y: { text: "" } } };
      const b = { ...state(), files: { y: { text: "" }, x: { isSecret: true, copyOf: "/x" } } };
      assert.equal((await hostFolder.diff("id", "urn", a, b)).changes, false);
      const moved = await hostFolder.diff("id", "urn", a, { ...a, folder: "/other" });
      assert.deepEqual([moved.replaces, moved.deleteBeforeReplace], [["folder"], true]);
    });
  });
});
