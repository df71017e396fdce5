import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, daemonOf, engineOf, factsOf, programs, removePrograms, settingsOf } from "./fed-facts.ts";
import type { InfoAnswer } from "../../lib/doctor/engine-answer.ts";
import { askEngine } from "../../lib/doctor/engine-answer.ts";
import { isUnknown } from "../../lib/doctor/types.ts";

const withInfo = (info: InfoAnswer, apiVersion?: string) =>
  factsOf({ engine: async () => engineOf(info, apiVersion) });

afterEach(removePrograms);

describe("Doctor: docker.version", () => {
  const rows: [version: string, api: string, status: string, words: RegExp][] = [
    ["26.1.5", "1.45", "OK", /26\.1\.5/],
    ["20.10.24", "1.41", "FAIL", /20\.10\.24 is too old: 23\.0 or newer/],
    ["dev", "1.41", "FAIL", /too old/],
    ["dev", "1.51", "OK", /dev/],
    ["23.0.6", "1.42", "WARN", /forgets insecure-registries/],
    ["23.0.7", "1.42", "OK", /23\.0\.7/],
    ["24.0.0", "1.43", "WARN", /forgets insecure-registries/],
    ["24.0.10", "1.43", "OK", /24\.0\.10/],
    ["29.1.3", "1.52", "WARN", /can lose images/],
    ["29.3.0", "1.54", "OK", /29\.3\.0/],
  ];
  for (const [version, api, status, words] of rows) {
    it(`is ${status} for ${version}, API ${api}`, async () => {
      const result = await check("docker.version", withInfo({ ServerVersion: version }, api));
      assert.equal(result.status, status);
      assert.match(result.line, words);
    });
  }
});

describe("Doctor: docker.present", () => {
  it("names the socket and how to start the engine where nothing listens", async () => {
    const answer = await askEngine("unix:///nowhere/docker.sock");
    assert.ok(isUnknown(answer));
    assert.equal(answer.problem, "No Docker Engine answers at unix:///nowhere/docker.sock");
    assert.match(answer.fix!, /systemctl start docker; or install one/);
  });

  it("says npm start for the sandbox's engine", async () => {
    const answer = await askEngine("unix:///nowhere/docker.sock", true);
    assert.ok(isUnknown(answer));
    assert.equal(answer.fix, "npm start");
  });
});

describe("Doctor: the engine's properties", () => {
  it("is WARN for vfs and for the containerd store, OK for overlay2", async () => {
    const store = (info: InfoAnswer) => check("docker.snapshotter", withInfo(info));
    assert.equal((await store({})).status, "OK");
    assert.match((await store({ Driver: "vfs" })).line, /full copy/);
    const status = [["driver-type", "io.containerd.snapshotter.v1"]];
    const containerd = await store({ Driver: "overlayfs", DriverStatus: status });
    assert.equal(containerd.status, "WARN");
    assert.match(containerd.fix!, /containerd-snapshotter/);
  });

  it("is FAIL where the default runtime's program is missing, WARN for another's", async () => {
    const gone = { path: "/nowhere/runtime" };
    const runtimes = (info: InfoAnswer) => check("docker.runtimes", withInfo(info));
    const first = await runtimes({
      DefaultRuntime: "nvidia",
      Runtimes: { nvidia: gone, runc: { path: "sh" } },
    });
    assert.equal(first.status, "FAIL");
    assert.match(first.line, /nvidia \(\/nowhere\/runtime\)/);
    assert.equal((await runtimes({ Runtimes: { other: gone, runc: { path: "sh" } } })).status, "WARN");
    assert.equal(
      (await runtimes({ Runtimes: { "io.containerd.runc.v2": {}, runc: { path: "sh" } } })).status,
      "OK",
    );
  });

  it("is WARN without live-restore only where containers would stop", async () => {
    const off = (ContainersRunning: number) =>
      check("docker.live-restore", withInfo({ LiveRestoreEnabled: false, ContainersRunning }));
    assert.equal((await off(1)).status, "OK");
    assert.match((await off(4)).line, /would stop 4 running containers/);
  });

  it("is FAIL where docker or buildx is missing", async () => {
    const { folder, env } = programs({ docker: "exit 1" });
    const nowhere = { PATH: "/nowhere", DOCKER_CONFIG: folder };
    assert.match((await check("docker.buildx", factsOf({ env: nowhere }))).line, /not on PATH/);
    const plain = await check("docker.buildx", factsOf({ env: { ...env, DOCKER_CONFIG: folder } }));
    assert.match(plain.status === "OK" ? "buildx of this machine" : plain.line, /no buildx|of this machine/);
  });
});

describe("Doctor: docker.kind", () => {
  const foreign = { kind: "rootless" as const, what: "the engine is rootless", mirrors: [] };
  const kind = (manage: string) =>
    check(
      "docker.kind",
      factsOf({ settings: settingsOf({ dockerDaemon: { manage } }), daemon: async () => ({ foreign }) }),
    );

  it("is FAIL for an engine that is not ours to write to, WARN with print and off", async () => {
    assert.equal((await kind("apply")).status, "FAIL");
    assert.equal((await kind("print")).status, "WARN");
    assert.equal((await kind("off")).status, "WARN");
  });

  it("is SKIP where dockerd's process may not be seen", async () => {
    const result = await check("docker.kind", factsOf({ daemon: async () => ({ problem: "needs root" }) }));
    assert.equal(result.status, "SKIP");
    assert.equal(result.fix, "run as root: sudo npm run doctor -- --stack dev");
  });
});

describe("Doctor: daemon.json", () => {
  const config = (name: string, text: string | null, live: string[] = []) =>
    check(`docker.config.${name}`, factsOf({ daemon: async () => daemonOf(text, { live }) }));

  it("is FAIL with line and column for a file that cannot be read", async () => {
    const fault = "/etc/docker/daemon.json:3:5: a comma before }: remove the comma";
    const daemon = { ...daemonOf(null), fault };
    const result = await check("docker.config.parse", factsOf({ daemon: async () => daemon }));
    assert.equal(result.status, "FAIL");
    assert.equal(result.line, fault);
  });

  it("is FAIL while dockerd is down for a file of our record that does not parse", async () => {
    const root = mkdtempSync(join(tmpdir(), "doctor-down-"));
    try {
      const file = join(root, "daemon.json");
      writeFileSync(file, '{"debug": true,}');
      const claim = { stack: "dev", pointer: "/debug", value: "true", since: "2026-01-01" };
      const ledger = { version: 1, file, base: null, settled: null, known: [], claims: [claim], touched: [] };
      mkdirSync(join(root, "state/daemon"), { recursive: true });
      writeFileSync(join(root, "state/daemon/a.json"), JSON.stringify(ledger));
      const facts = factsOf({
        settings: settingsOf({}, root),
        engine: async () => ({ problem: "no answer" }),
      });
      const result = await check("docker.config.parse", facts);
      assert.equal(result.status, "FAIL");
      assert.ok(result.line.startsWith(`${file}:1:`), result.line);
      assert.match(
        (await check("docker.present", facts)).fix!,
        /; npm start -- --stack dev repairs a restart/,
      );
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it("is FAIL for a mirror that would keep dockerd from starting", async () => {
    const result = await config("parse", '{"registry-mirrors": ["127.0.0.1:5000"]}');
    assert.equal(result.status, "FAIL");
    assert.match(result.line, /has no scheme/);
  });

  it("is OK without a file", async () => assert.equal((await config("parse", null)).status, "OK"));

  it("is WARN where the file was edited and never reloaded", async () => {
    const text = '{"registry-mirrors": ["http://127.0.0.1:5000"]}';
    assert.equal((await config("live", text, ["http://127.0.0.1:5000/"])).status, "OK");
    const result = await config("live", text);
    assert.equal(result.status, "WARN");
    assert.match(result.line, /has registry-mirrors http:\/\/127\.0\.0\.1:5000, the daemon uses none/);
    assert.match(result.fix!, /kill -HUP 4321/);
  });

  it("is FAIL where dockerd listens on TCP without TLS", async () => {
    const tcp = (daemon: ReturnType<typeof daemonOf>) =>
      check("sec.socket", factsOf({ daemon: async () => daemon }));
    const hosts = ["tcp://0.0.0.0:2375"];
    assert.match((await tcp(daemonOf("{}", { hosts }))).line, /tcp:\/\/0\.0\.0\.0:2375 without TLS/);
    assert.equal((await tcp(daemonOf('{"hosts": ["tcp://0.0.0.0:2375"]}'))).status, "FAIL");
  });
});
