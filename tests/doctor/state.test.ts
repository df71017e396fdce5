import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { judgeGc } from "../../lib/doctor/checks/build.ts";
import { judgeBytes, judgeFiles } from "../../lib/doctor/checks/disk.ts";
import { stackLockKey } from "../../lib/doctor/checks/host.ts";
import { withHostLock } from "../../lib/daemon/host-lock.ts";
import { fileBackend } from "../../lib/state-files/file-backend.ts";
import { lockFolder } from "../../lib/state-files/stack-locks.ts";
import { readStateFile } from "../../lib/state-files/state-file.ts";
import { check, daemonOf, factsOf, settingsOf } from "./fed-facts.ts";

describe("Doctor: Pulumi's files", () => {
  let backend: string;
  beforeEach(() => (backend = mkdtempSync(join(tmpdir(), "doctor-backend-"))));
  afterEach(() => rmSync(backend, { recursive: true, force: true }));

  const look = (name: string) => check(`pulumi.${name}`, factsOf({ backend }));

  function lock(pid: number, host = hostname()): string {
    const file = join(lockFolder(backend, "dev"), "1.json");
    const content = { pid, hostname: host, username: "me", timestamp: "2026-11-24T10:00:00Z" };
    write(file, JSON.stringify(content));
    write(`${file}.attrs`, "{}");
    return file;
  }

  function write(file: string, text: string): void {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  it("is WARN for a dead owner's lock, and --fix removes just that", async () => {
    assert.equal((await look("lock")).status, "OK");
    const file = lock(2 ** 22 - 1);
    const result = await look("lock");
    assert.equal(result.status, "WARN");
    assert.match(result.repair!.says, /remove the dead lock of process 4194303/);
    assert.ok(existsSync(file));
    await result.repair!.run();
    assert.ok(!existsSync(file) && !existsSync(`${file}.attrs`));
  });

  it("takes a process that is no Pulumi for a dead owner", async () => {
    lock(process.pid);
    assert.equal((await look("lock")).status, "WARN");
  });

  it("is FAIL for another machine's lock, without a mend of its own", async () => {
    lock(1, "elsewhere");
    const result = await look("lock");
    assert.equal(result.status, "FAIL");
    assert.match(result.line, /locked by me on elsewhere since 2026-11-24/);
    assert.equal(result.repair, undefined);
  });

  it("is FAIL for a state that is cut off, WARN for operations that were left open", async () => {
    assert.equal((await look("state")).status, "SKIP");
    const { file } = readStateFile(backend, "dev");
    const open = [{ type: "creating", resource: { urn: "urn:pulumi:dev::p::t::registry-cache-server" } }];
    const state = (pending_operations: object[]) =>
      JSON.stringify({ version: 3, checkpoint: { latest: { pending_operations } } });
    write(file, state([]));
    assert.deepEqual([(await look("state")).status, (await look("pending")).status], ["OK", "OK"]);
    write(file, state(open));
    const pending = await look("pending");
    assert.equal(pending.status, "WARN");
    assert.match(pending.line, /creating registry-cache-server/);
    for (const text of ["", state(open).slice(0, 40), "\uFEFF{}", "{}"]) {
      write(file, text);
      const result = await look("state");
      assert.equal(result.status, "FAIL", text);
      assert.match(result.fix!, /move .* away/);
    }
    write(`${file}.bak`, state([]));
    assert.match((await look("state")).fix!, /^cp .*\.bak/);
  });

  it("finds the back-end by variable, then in Pulumi.yaml, then by the last login", () => {
    const home = mkdtempSync(join(tmpdir(), "doctor-home-"));
    const env = { HOME: home };
    const root = join(home, "project");
    write(join(root, "Pulumi.yaml"), "name: p");
    assert.equal(fileBackend(root, env), undefined);
    write(join(home, ".pulumi", "credentials.json"), '{"current": "file:///srv/state"}');
    assert.equal(fileBackend(root, env), "/srv/state");
    write(join(root, "Pulumi.yaml"), "name: p\nbackend: {url: file://./state}");
    assert.equal(fileBackend(root, env), join(root, "state"));
    assert.equal(fileBackend(root, { ...env, PULUMI_BACKEND_URL: "file://~/x" }), `${home}/x`);
    assert.equal(fileBackend(root, { ...env, PULUMI_BACKEND_URL: "https://api.example" }), undefined);
    rmSync(home, { recursive: true });
  });
});

describe("Doctor: host", () => {
  it("is FAIL with process and time while a command works on the stack", async () => {
    const facts = factsOf();
    const key = stackLockKey("dev", facts.settings.root);
    const held = await withHostLock(key, { stack: "dev", waitMs: 1_000 }, () => check("host.lock", facts));
    assert.equal(held.status, "FAIL");
    assert.match(held.line, new RegExp(`process ${process.pid} works on the stack dev since 20`));
    assert.equal((await check("host.lock", facts)).status, "OK");
  });

  it("is WARN for what a killed run left beside daemon.json; --fix removes it and nothing else", async () => {
    const folder = mkdtempSync(join(tmpdir(), "doctor-left-"));
    const file = join(folder, "daemon.json");
    const stale = join(folder, ".daemon.json.gpu-build-host.4194303");
    const live = join(folder, `.daemon.json.gpu-build-host.${process.ppid}`);
    for (const path of [file, stale, live, `${file}.bak`]) writeFileSync(path, "{}");
    const daemon = daemonOf("{}");
    daemon.managed!.file = file;
    const result = await check(
      "host.leftovers",
      factsOf({ daemon: async () => daemon, settings: settingsOf({}, folder) }),
    );
    assert.equal(result.status, "WARN");
    assert.equal(result.line, `a killed run left ${stale}`);
    await result.repair!.run();
    assert.deepEqual([stale, live, file, `${file}.bak`].map(existsSync), [false, true, true, true]);
    rmSync(folder, { recursive: true });
  });

  it("is FAIL for a secret that is not there, only while its image is to be built", async () => {
    const image = { name: "app", secrets: { token: { env: "GBH_DOCTOR_UNSET" } } } as never;
    const result = await check("host.secrets", factsOf({ missingImages: async () => [image] }));
    assert.equal(result.status, "FAIL");
    assert.match(
      result.line,
      /the build secret "token" comes from the variable GBH_DOCTOR_UNSET, which is not set/,
    );
    assert.equal((await check("host.secrets", factsOf())).status, "OK");
  });
});

describe("Doctor: disk", () => {
  const room = { free: 100e9, total: 200e9, freeFiles: 1e6, totalFiles: 2e6 };
  const bytes = (free: number, missing: string[] = []) =>
    judgeBytes({ missingImages: async () => missing.map((name) => ({ name })) as never }, "/data", {
      ...room,
      free,
    });

  it("is FAIL where the bases do not fit, or nothing does; WARN where it gets tight", async () => {
    assert.equal((await bytes(100e9)).status, "OK");
    assert.equal((await bytes(11e9)).status, "WARN");
    const result = await bytes(11e9, ["cuda-base-runtime"]);
    assert.equal(result.status, "FAIL");
    assert.equal(result.line, "/data has 11.0 GB free, the CUDA bases need 12.0 GB while they are built");
    assert.equal((await bytes(100e6)).status, "FAIL");
    assert.equal((await judgeBytes({ missingImages: async () => [] }, "/data", undefined)).status, "SKIP");
  });

  it("counts files as well", () => {
    const files = (freeFiles: number, totalFiles = 2e6) =>
      judgeFiles("/data", { ...room, freeFiles, totalFiles }).status;
    assert.deepEqual([files(1e6), files(1e5), files(100), files(0, 0)], ["OK", "WARN", "FAIL", "OK"]);
  });
});

describe("Doctor: slow builds", () => {
  const gc = (value: object | undefined) =>
    judgeGc(JSON.stringify(value ? { builder: { gc: value } } : {}), { stack: "dev", sandbox: false });

  it("is WARN for a build cache that is too small or not set", () => {
    assert.equal(gc(undefined).status, "WARN");
    assert.match(gc({ enabled: true, defaultKeepStorage: "2GB" }).line, /may keep 2\.0 GB/);
    assert.equal(
      gc({ enabled: true, policy: [{ keepStorage: "512MB" }, { keepStorage: "50GB", all: true }] }).status,
      "OK",
    );
    assert.equal(gc({ enabled: true, defaultReservedSpace: "20%" }).status, "OK");
    assert.equal(gc({ enabled: false }).status, "OK");
    assert.equal(judgeGc(null, { stack: "sandbox", sandbox: true }).status, "SKIP");
  });

  it("is WARN for a big context, and heeds .dockerignore", async () => {
    const root = mkdtempSync(join(tmpdir(), "doctor-context-"));
    const context = join(root, "app");
    mkdirSync(join(context, "models"), { recursive: true });
    writeFileSync(join(context, "Dockerfile"), "FROM scratch\n");
    writeFileSync(join(context, "models", "big"), Buffer.alloc(201e6));
    const facts = factsOf({ settings: settingsOf({ services: { app: { context } } }, root) });
    const result = await check("build.slow.context", facts);
    assert.equal(result.status, "WARN");
    assert.match(result.line, /app sends 201 MB/);
    writeFileSync(join(context, ".dockerignore"), "models\n");
    assert.equal((await check("build.slow.context", facts)).status, "OK");
    rmSync(root, { recursive: true });
  });
});
