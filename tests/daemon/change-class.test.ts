import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkCandidate, type Candidate } from "../../lib/daemon/candidate-checks.ts";
import { classify } from "../../lib/daemon/change-class.ts";
import { DAEMON_KEYS } from "../../lib/daemon/daemon-keys.ts";
import { entriesOf } from "../../lib/daemon/desired.ts";
import type { ManagedDaemon } from "../../lib/daemon/identify.ts";
import { agrees, liveState } from "../../lib/daemon/live-state.ts";
import { unitOf } from "../../lib/daemon/service.ts";
import { restartEffect } from "../../lib/daemon/stopping.ts";
import { keysToUndo, withUndoValues } from "../../lib/daemon/waypoints.ts";

describe("classify", () => {
  /** Key, value, what it takes to set it, what it takes to take it out. */
  const table: [key: string, json: string, set: "reload" | "restart", removed: "reload" | "restart"][] = [
    ["registry-mirrors", '["http://a"]', "reload", "reload"],
    ["insecure-registries", '["a:5000"]', "reload", "reload"],
    ["labels", '["a=1"]', "reload", "reload"],
    ["live-restore", "true", "reload", "reload"],
    ["debug", "true", "reload", "reload"],
    ["runtimes", '{"nvidia": {"path": "x"}}', "reload", "reload"],
    ["default-runtime", '"nvidia"', "reload", "reload"],
    ["default-shm-size", '"1G"', "reload", "reload"],
    ["default-ipc-mode", '"shareable"', "reload", "reload"],
    ["shutdown-timeout", "30", "reload", "reload"],
    ["max-concurrent-downloads", "6", "reload", "reload"],
    ["max-concurrent-uploads", "6", "reload", "reload"],
    ["max-download-attempts", "6", "reload", "reload"],
    ["network-diagnostic-port", "6000", "reload", "reload"],
    ["authorization-plugins", '["a"]', "reload", "reload"],
    ["features", '{"buildkit": true}', "reload", "reload"],
    ["features", '{"cdi": true}', "restart", "restart"],
    ["features", '{"containerd-snapshotter": true}', "restart", "restart"],
    ["default-cgroupns-mode", '"host"', "reload", "restart"],
    ["default-stop-timeout", "20", "reload", "restart"],
    ...[
      "log-driver",
      "log-opts",
      "builder",
      "data-root",
      "storage-driver",
      "dns",
      "bip",
      "proxies",
      "mtu",
      "hosts",
    ].map((key): [string, string, "restart", "restart"] => [key, '"x"', "restart", "restart"]),
    ["a-key-of-the-future", "1", "restart", "restart"],
  ];
  for (const [key, json, set, removed] of table) {
    // A list of text must not hold a text.
    const text = `{"${key}": ${DAEMON_KEYS[key]?.list && json === '"x"' ? '["x"]' : json}}`;
    it(`${text}: ${set}, out again: ${removed}`, () => {
      assert.deepEqual(classify("{}", text)[set], [key]);
      assert.deepEqual(classify(text, "{}")[removed], [key]);
      assert.deepEqual(classify(text, text), { reload: [], restart: [] });
    });
  }

  it("sees no change in white space, order and null", () => {
    const none = { reload: [], restart: [] };
    assert.deepEqual(classify('{"mtu": 1400, "icc": null}', '{ "mtu" :1400 }'), none);
    assert.deepEqual(classify('{"log-opts": {"a": "1", "b": "2"}}', '{"log-opts":{"b":"2","a":"1"}}'), none);
    assert.deepEqual(classify(null, "{}"), none);
  });
});

describe("undo values", () => {
  it("are written for every key that a reload does not forget", () => {
    const from =
      '{"registry-mirrors": ["http://a"], "insecure-registries": ["a"], "live-restore": true, "debug": true, "labels": ["a=1"], "runtimes": {}, "default-runtime": "x", "log-driver": "local", "max-concurrent-downloads": 5, "mtu": 1400}';
    const to = '{"mtu": 1400}';
    const keys = keysToUndo(from, to, []);
    assert.deepEqual(JSON.parse(withUndoValues(to, keys)!), {
      mtu: 1400,
      "registry-mirrors": [],
      "insecure-registries": [],
      "live-restore": false,
      debug: false,
      labels: [],
      runtimes: {},
      "default-runtime": "runc",
    });
  });
  it("leave alone what others still have", () => {
    assert.deepEqual(keysToUndo('{"labels": ["a=1", "b=2"]}', '{"labels": ["b=2"]}', ["labels"]), []);
  });
});

describe("the live state", () => {
  const live = liveState({
    RegistryConfig: {
      Mirrors: ["http://a/"],
      InsecureRegistryCIDRs: ["::1/128", "127.0.0.0/8", "10.0.0.0/8"],
      IndexConfigs: { "docker.io": { Secure: true }, "h:5000": { Secure: false } },
    },
    LoggingDriver: "local",
    LiveRestoreEnabled: true,
    DefaultRuntime: "runc",
    Runtimes: { runc: { path: "runc" }, "io.containerd.runc.v2": { path: "runc" }, nvidia: { path: "nv" } },
    Labels: ["b=2", "a=1"],
  });
  const table: [text: string, key: string, wanted: boolean | undefined][] = [
    ['{"registry-mirrors": ["http://a"]}', "registry-mirrors", true],
    ["{}", "registry-mirrors", false],
    ['{"insecure-registries": ["H:5000", "10.1.2.3/8"]}', "insecure-registries", true],
    ['{"insecure-registries": ["h:5000"]}', "insecure-registries", false],
    ['{"labels": ["a=1", "b=2"]}', "labels", true],
    ['{"live-restore": true}', "live-restore", true],
    ["{}", "live-restore", false],
    ['{"log-driver": "local"}', "log-driver", true],
    ["{}", "log-driver", false],
    ['{"runtimes": {"nvidia": {"path": "nv"}}}', "runtimes", true],
    ['{"runtimes": {"nvidia": {"path": "other"}}}', "runtimes", false],
    ["{}", "runtimes", false],
    ['{"features": {"cdi": true}}', "features", false],
    ['{"mtu": 1400}', "mtu", undefined],
  ];
  for (const [text, key, wanted] of table)
    it(`${text} ${wanted ? "is" : wanted === false ? "is not" : "may be"} in use for ${key}`, () =>
      assert.equal(agrees(text, key, live), wanted));
});

describe("what a restart does to containers", () => {
  const web = { name: "web", restartPolicy: "no" };
  const db = { name: "db", restartPolicy: "unless-stopped" };
  it("names them with their restart policy", () =>
    assert.equal(restartEffect([web, db], false), "stops web (no restart policy), db (unless-stopped)"));
  it("is nothing with live-restore", () =>
    assert.equal(restartEffect([web, db], true), "2 containers keep running (live-restore)"));
  it("is nothing without containers", () => assert.equal(restartEffect([], false), "no container runs"));
  it("stays one line for a host full of them", () =>
    assert.match(restartEffect(Array(40).fill(web), false), /, 29 more$/));
});

describe("unitOf", () => {
  it("finds the service in a process' control group", () => {
    assert.equal(unitOf("0::/system.slice/docker.service\n"), "docker.service");
    assert.equal(unitOf("12:cpu:/\n1:name=systemd:/system.slice/docker.service\n"), "docker.service");
    assert.equal(unitOf("0::/user.slice/user-1000.slice/session-2.scope\n"), undefined);
  });
});

describe("checkCandidate: what dockerd --validate lets pass", () => {
  let folder: string;
  // Any process of this host has a PATH and a root.
  const daemon = { file: "/f", process: { pid: process.pid } } as ManagedDaemon;
  const check = (part: object, more: Partial<Candidate> = {}) =>
    checkCandidate(daemon, {
      text: JSON.stringify(part),
      entries: entriesOf([], part as Record<string, unknown>),
      restarts: false,
      ...more,
    });
  before(() => (folder = mkdtempSync(join(tmpdir(), "candidate-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("a mirror without a scheme", () =>
    assert.rejects(check({ "registry-mirrors": ["a:5000"] }), {
      message:
        '/f: registry-mirrors[0]: "a:5000" has no scheme, dockerd would refuse to start: write "http://a:5000"',
    }));

  it("a runtime of ours whose program is missing", () =>
    assert.rejects(check({ runtimes: { nvidia: { path: "nvidia-container-runtime-none" } } }), {
      message:
        '/f: the runtime "nvidia" is "nvidia-container-runtime-none", which is not on the PATH of dockerd: ' +
        "install the NVIDIA Container Toolkit (the package nvidia-container-toolkit), or set dockerDaemon.nvidiaRuntime: false",
    }));

  it("a runtime whose file is no program, until it is one", async () => {
    const path = join(folder, "crun");
    writeFileSync(path, "#!/bin/sh\n", { mode: 0o600 });
    await assert.rejects(check({ runtimes: { crun: { path } } }), {
      message: `/f: the runtime "crun" is "${path}", which is no program: install it, or correct the path`,
    });
    chmodSync(path, 0o755);
    await check({ runtimes: { crun: { path } } });
  });

  it("a default runtime that is not defined (B26)", async () => {
    await assert.rejects(check({ "default-runtime": "nvidia" }), {
      message:
        '/f: default-runtime "nvidia" is not defined in runtimes on this host: define it (dockerDaemon.nvidiaRuntime: true for "nvidia"), or take it out',
    });
    await check({ "default-runtime": "runc" });
  });

  it("a broken runtime of somebody else's, only where Docker is to restart (F33)", async () => {
    const part = { runtimes: { kata: { path: "/nowhere/kata" } }, "default-runtime": "kata" };
    await check(part, { entries: [] });
    await assert.rejects(check(part, { entries: [], restarts: true }), {
      message:
        '/f: the runtime "kata" is "/nowhere/kata", which is no program: install it, or take the entry out before Docker restarts',
    });
  });

  it("a bad insecure registry of somebody else's, only where Docker is to restart", async () => {
    const part = { "insecure-registries": ["http://a"] };
    await check(part, { entries: [] });
    await assert.rejects(
      check(part, { entries: [], restarts: true }),
      /^UserError: \/f: insecure-registries\[0\]: "http:\/\/a" has a scheme/,
    );
  });
});
