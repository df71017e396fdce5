import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { scratchFolder } from "./scratch.ts";

describe("sandboxLayout", () => {
  it("keeps every socket path under containerd's limit, however long the clone's path is", () => {
    const layout = sandboxLayout(`/${"very-long-name/".repeat(40)}.sandbox`);
    // The longest that is made in there: containerd's sockets.
    assert.ok(`${layout.execRoot}/containerd/containerd-debug.sock.ttrpc`.length < 104);
    assert.ok(layout.socket.length < 104);
  });

  it("gives each folder an id of its own, always the same one", () => {
    assert.equal(sandboxLayout("/a/.sandbox").id, sandboxLayout("/a/.sandbox").id);
    assert.notEqual(sandboxLayout("/a/.sandbox").id, sandboxLayout("/b/.sandbox").id);
    assert.match(sandboxLayout("/a/.sandbox").id, /^[0-9a-f]{12}$/);
  });

  it("takes a folder and a symbolic link to it for one sandbox, before it exists and after", () => {
    const scratch = scratchFolder();
    try {
      mkdirSync(join(scratch.path, "clone"));
      symlinkSync("clone", join(scratch.path, "link"));
      const direct = sandboxLayout(join(scratch.path, "clone", ".sandbox"));
      const linked = sandboxLayout(join(scratch.path, "link", ".sandbox"));
      assert.deepEqual(linked, direct);
      mkdirSync(direct.root);
      assert.deepEqual(sandboxLayout(join(scratch.path, "link", ".sandbox")), direct);
    } finally {
      scratch.remove();
    }
  });
});
