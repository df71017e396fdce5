import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../integration/free-ports.ts";
import { check, factsOf, settingsOf } from "./fed-facts.ts";

/** The checks against a socket that answers as an engine does for containers and volumes. */
describe("doctor: packages", () => {
  const folder = mkdtempSync(join(tmpdir(), "gbh-doctor-packages-"));
  const name = "gpu-build-host-dev-package-cache";
  let things: Record<string, unknown>;
  let engine: Server;
  let other: Server;
  let taken: number;
  let free: number[];

  before(async () => {
    engine = createServer((request, answer) => {
      const found = Object.entries(things).find(([path]) => request.url?.endsWith(path));
      answer.setHeader("content-type", "application/json");
      answer
        .writeHead(found ? 200 : 404)
        .end(JSON.stringify(found ? found[1] : { message: "no such thing" }));
    });
    await new Promise<void>((resolve) => engine.listen(join(folder, "engine.sock"), resolve));
    other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    taken = (other.address() as AddressInfo).port;
    free = await freePorts(2);
  });
  beforeEach(() => {
    things = {};
  });
  after(() => {
    engine.closeAllConnections();
    engine.close();
    other.close();
    rmSync(folder, { recursive: true });
  });

  const container = (running: boolean, health: string, port: number) => ({
    Id: "1",
    State: { Running: running, Health: { Status: health } },
    Config: { Labels: { "gpu-build-host.port": String(port) } },
  });
  async function statusOf(id: string, packageCache: object, network = "host"): Promise<string> {
    const [pythonPort, debianPort] = free;
    const settings = settingsOf({
      engine: { host: `unix://${join(folder, "engine.sock")}`, network },
      packageCache: { pythonPort, debianPort, ...packageCache },
    });
    const { status, line } = await check(id, factsOf({ settings }));
    return `${status} ${line}`;
  }

  it("are skipped where the stack uses none", async () => {
    for (const id of ["packages.port", "packages.volume", "packages.running"])
      assert.match(await statusOf(id, {}), /^SKIP /);
  });

  it("name who holds a port, unless it is the stack's own", async () => {
    assert.match(await statusOf("packages.port", { mode: "own" }), /^OK /);
    const own = { mode: "own", pythonPort: taken };
    assert.match(
      await statusOf("packages.port", own),
      new RegExp(`^FAIL Port ${taken} on 127.0.0.1 is taken by`),
    );
    things[`/containers/${name}-python/json`] = container(true, "healthy", taken);
    assert.match(await statusOf("packages.port", own), /^OK /);
  });

  it("miss another stack's cache that does not answer", async () => {
    assert.match(
      await statusOf("packages.port", { mode: "external", pythonPort: taken }),
      new RegExp(`^FAIL nobody answers at 127\\.0\\.0\\.1:${free[1]}, where builds look`),
    );
    const second = createServer();
    await new Promise<void>((resolve) => second.listen(0, "127.0.0.1", resolve));
    const debianPort = (second.address() as AddressInfo).port;
    const external = { mode: "external", pythonPort: taken, debianPort };
    assert.match(await statusOf("packages.port", external), /^OK /);
    assert.match(
      await statusOf("packages.port", external, "default"),
      /^FAIL builds have no way to it: this engine has no bridge/,
    );
    things["/networks/bridge"] = { IPAM: { Config: [{ Gateway: "127.0.0.9", Subnet: "127.0.0.0/8" }] } };
    assert.match(
      await statusOf("packages.port", external, "default"),
      new RegExp(`^FAIL nobody answers at 127\\.0\\.0\\.9:${taken}`),
    );
    second.close();
  });

  it("refuse a volume that is somebody else's", async () => {
    assert.match(await statusOf("packages.volume", { mode: "own" }), /^OK there is none yet/);
    things[`/volumes/${name}`] = { Labels: { "gpu-build-host.stack": "dev" } };
    assert.match(await statusOf("packages.volume", { mode: "own" }), /^OK /);
    things[`/volumes/${name}`] = { Labels: null };
    assert.match(
      await statusOf("packages.volume", { mode: "own" }),
      /^FAIL The volume .* is not of the stack dev/,
    );
  });

  it("tell a cache that was never started from one that is stopped or unhealthy", async () => {
    const own = { mode: "own" };
    assert.match(await statusOf("packages.running", own), /^WARN there is no package cache yet/);
    things[`/containers/${name}-python/json`] = container(true, "healthy", 1);
    assert.match(await statusOf("packages.running", own), /^FAIL there is no container .*-debian/);
    things[`/containers/${name}-debian/json`] = container(false, "", 1);
    assert.match(
      await statusOf("packages.running", own),
      /^FAIL .*-debian is stopped; builds fetch for themselves/,
    );
    things[`/containers/${name}-debian/json`] = container(true, "unhealthy", 1);
    assert.match(await statusOf("packages.running", own), /^FAIL .*-debian is unhealthy/);
    things[`/containers/${name}-debian/json`] = container(true, "healthy", 1);
    assert.equal(await statusOf("packages.running", own), "OK both containers run");
  });
});
