import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pasteAdvice } from "../../lib/daemon/advice.ts";
import { EngineUnreachable, identifyDaemon, requireManaged } from "../../lib/daemon/identify.ts";

const MIRRORS = ["http://127.0.0.1:5000"];
const INFO = {
  ServerVersion: "26.1.5",
  OSType: "linux",
  OperatingSystem: "Debian",
  DockerRootDir: "/var/lib/docker",
};

describe("identifyDaemon", () => {
  let folder: string;
  let server: Server | undefined;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "identify-"))));
  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  /** Stand-in for engines that this machine does not have: answers /info and /version on a socket. */
  async function standIn(info: object, version: object = { ApiVersion: "1.45" }): Promise<string> {
    server = createServer((request, response) => {
      response.end(JSON.stringify(request.url === "/version" ? version : { ...INFO, ...info }));
    });
    const socket = join(folder, "engine.sock");
    server.listen(socket);
    await once(server, "listening");
    return `unix://${socket}`;
  }

  const foreign: [name: string, info: object, version: object | undefined, message: RegExp][] = [
    [
      "Docker Desktop",
      { OperatingSystem: "Docker Desktop" },
      undefined,
      /Docker Desktop: .* in Docker Desktop's Settings > Docker Engine add "registry-mirrors": \["http:\/\/127.0.0.1:5000"\]/,
    ],
    [
      "a snap",
      { DockerRootDir: "/var/snap/docker/common/var-lib-docker" },
      undefined,
      /snap package: .*\/var\/snap\/docker\/current\/config\/daemon.json and run: sudo snap restart docker/,
    ],
    [
      "rootless",
      { SecurityOptions: ["name=seccomp,profile=builtin", "name=rootless"] },
      undefined,
      /rootless: .*~\/.config\/docker\/daemon.json and run: systemctl --user reload docker/,
    ],
    ["Windows", { OSType: "windows" }, undefined, /runs on windows: /],
    [
      "Podman",
      {},
      { ApiVersion: "1.45", Components: [{ Name: "Podman Engine" }] },
      /is Podman Engine, not Docker Engine: .*use Docker Engine 23 or newer/,
    ],
  ];
  for (const [name, info, version, message] of foreign) {
    it(`does not manage ${name}, and says what to do by hand`, async () => {
      await assert.rejects(requireManaged(await standIn(info, version), MIRRORS), (error: Error) => {
        assert.match(error.message, message);
        assert.match(error.message, /set dockerDaemon.manage: print$/);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    });
  }

  for (const host of ["tcp://10.0.0.1:2376", "ssh://build@host", "npipe:////./pipe/docker_engine", ""]) {
    it(`does not manage the remote engine ${JSON.stringify(host)}, and asks nobody`, async () => {
      await assert.rejects(
        requireManaged(host, MIRRORS),
        /is not on this machine's Unix socket: .* on that machine put/,
      );
    });
  }

  it("refuses an engine older than 23 by its API, whatever its version is called", async () => {
    const old = await standIn({ ServerVersion: "20.10.24+dfsg1" }, { ApiVersion: "1.41" });
    await assert.rejects(
      identifyDaemon(old),
      /is version 20.10.24\+dfsg1: 23.0 or newer is needed .*; upgrade it/,
    );
  });

  it("names the process that listens if that is not dockerd", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const host = await standIn({});
    await assert.rejects(
      identifyDaemon(host),
      new RegExp(`no dockerd was found behind ${host}, only node \\(process ${process.pid}\\)`),
    );
  });

  it("tells a stopped engine from one that cannot be asked", async () => {
    const missing = identifyDaemon(`unix://${folder}/none.sock`);
    await assert.rejects(
      missing,
      (error) =>
        error instanceof EngineUnreachable && error.stopped && /no engine listens on/.test(error.message),
    );
    server = createServer((_, response) => response.writeHead(500).end("no"));
    server.listen(join(folder, "bad.sock"));
    await once(server, "listening");
    const bad = identifyDaemon(`unix://${folder}/bad.sock`);
    await assert.rejects(
      bad,
      (error) =>
        error instanceof EngineUnreachable &&
        !error.stopped &&
        /does not answer: GET .* 500 no/.test(error.message),
    );
  });
});

const WANTED = { "registry-mirrors": MIRRORS };

describe("pasteAdvice", () => {
  it("writes NixOS' own words", () => {
    assert.match(pasteAdvice("nixos", WANTED), /registry-mirrors = \[ "http:\/\/127.0.0.1:5000" \];/);
  });
});
