import assert from "node:assert/strict";
import { cpSync, mkdirSync, renameSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { ensurePorts, portOwner, requireFreePort, type SandboxPorts } from "../../sandbox/ports.ts";
import { scratchFolder } from "./scratch.ts";

describe("ports of the sandbox", () => {
  let scratch: ReturnType<typeof scratchFolder>;
  const servers: Server[] = [];
  const all = (ports: SandboxPorts) => [ports.upstream, ports.cache, ports.cacheMetrics, ...ports.spare];

  beforeEach(() => {
    scratch = scratchFolder();
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    scratch.remove();
  });

  async function listen(port: number): Promise<void> {
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  }

  it("are chosen once and kept", async () => {
    const layout = sandboxLayout(join(scratch.path, ".sandbox"));
    const first = await ensurePorts(layout);
    assert.equal(new Set(all(first)).size, 10);
    await listen(first.upstream); // in use by ourselves from now on
    assert.deepEqual(await ensurePorts(layout), first);
  });

  it("step aside where something listens already", async () => {
    const layout = sandboxLayout(join(scratch.path, ".sandbox"));
    const first = await ensurePorts(layout);
    await listen(first.spare[0]!);
    mkdirSync(join(scratch.path, "other"));
    renameSync(layout.portsFile, join(scratch.path, "other", "ports.json"));
    const second = await ensurePorts(layout);
    assert.ok(!all(second).includes(first.spare[0]!));
  });

  it("move with a moved clone, and differ in a copy", async () => {
    const original = sandboxLayout(join(scratch.path, "one", ".sandbox"));
    const ports = await ensurePorts(original);
    await listen(ports.upstream);
    cpSync(join(scratch.path, "one"), join(scratch.path, "copy"), { recursive: true });
    assert.notEqual(
      (await ensurePorts(sandboxLayout(join(scratch.path, "copy", ".sandbox")))).upstream,
      ports.upstream,
    );
    renameSync(join(scratch.path, "one"), join(scratch.path, "moved"));
    assert.deepEqual(await ensurePorts(sandboxLayout(join(scratch.path, "moved", ".sandbox"))), ports);
  });

  it("name who has a port", async () => {
    const { upstream } = await ensurePorts(sandboxLayout(join(scratch.path, ".sandbox")));
    assert.equal(portOwner(upstream), undefined);
    await listen(upstream);
    assert.match(portOwner(upstream) ?? "", new RegExp(`\\(pid ${process.pid}\\)$`));
    await assert.rejects(requireFreePort(upstream, "a test"), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        new RegExp(`^Port ${upstream} of 127.0.0.1, kept for a test, is taken by .*pid ${process.pid}`),
      );
      return true;
    });
  });
});
