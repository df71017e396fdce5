import assert from "node:assert/strict";
import { fileWithFlag } from "../../lib/daemon/flag-clash.ts";
import { parseDockerdFlags, validateArguments } from "../../lib/daemon/dockerd-flags.ts";

describe("parseDockerdFlags", () => {
  it("knows the packaged unit", () => {
    assert.deepEqual(
      parseDockerdFlags(["-H", "fd://", "--containerd=/run/containerd/containerd.sock"], "/"),
      {
        configFile: "/etc/docker/daemon.json",
        configFileGiven: false,
        hosts: ["fd://"],
        byKey: new Map([
          ["hosts", ["-H fd://"]],
          ["containerd", ["--containerd=/run/containerd/containerd.sock"]],
        ]),
      },
    );
  });
  it("reads every way to write a flag", () => {
    const args = [
      "--config-file=d.json",
      "-Hunix:///a",
      "-H=unix:///b",
      "--host",
      "unix:///c",
      "--registry-mirror=http://m",
      "--registry-mirror",
      "http://n",
    ];
    assert.deepEqual(parseDockerdFlags(args, "/srv"), {
      configFile: "/srv/d.json",
      configFileGiven: true,
      hosts: ["unix:///a", "unix:///b", "unix:///c"],
      byKey: new Map([
        ["config-file", ["--config-file=d.json"]],
        ["hosts", ["-Hunix:///a", "-H=unix:///b", "--host unix:///c"]],
        ["registry-mirrors", ["--registry-mirror=http://m", "--registry-mirror http://n"]],
      ]),
    });
  });
  it("does not take a flag's value for a flag", () => {
    assert.equal(parseDockerdFlags(["--label", "a=--config-file"], "/").configFileGiven, false);
  });
});

describe("flags by the key of daemon.json", () => {
  const keys = (...args: string[]) => [...parseDockerdFlags(args, "/").byKey.keys()];
  const cases: [args: string[], key: string][] = [
    [["--insecure-registry", "a:5000"], "insecure-registries"],
    [["--log-driver=local"], "log-driver"],
    [["--log-opt", "max-size=10m"], "log-opts"],
    [["--live-restore"], "live-restore"],
    [["--live-restore=false"], "live-restore"],
    [["--add-runtime", "nvidia=/usr/bin/nvidia-container-runtime"], "runtimes"],
    [["--default-runtime=nvidia"], "default-runtime"],
    [["--label", "a=--debug"], "labels"],
    [["-D"], "debug"],
    [["--max-concurrent-downloads", "5"], "max-concurrent-downloads"],
    [["--http-proxy", "http://proxy:3128"], "proxies"],
    [["--feature", "cdi=true"], "features"],
    [["--dns", "1.1.1.1"], "dns"],
  ];
  for (const [args, key] of cases)
    it(`${args.join(" ")} sets ${key}`, () => assert.deepEqual(keys(...args), [key]));
  it("takes no value after a switch", () =>
    assert.deepEqual(keys("--debug", "--live-restore", "--mtu", "1400"), ["debug", "live-restore", "mtu"]));
});

describe("fileWithFlag", () => {
  const units = [
    "# /lib/systemd/system/docker.service",
    "[Service]",
    "ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock",
    "",
    "# /etc/systemd/system/docker.service.d/10-log.conf",
    "[Service]",
    "ExecStart=",
    "ExecStart=/usr/bin/dockerd -H fd:// \\",
    "   --log-driver=local --insecure-registry a:5000",
  ].join("\n");
  it("names the drop-in that holds a flag, over line ends", () => {
    assert.equal(
      fileWithFlag(units, "--log-driver=local"),
      "/etc/systemd/system/docker.service.d/10-log.conf",
    );
    assert.equal(
      fileWithFlag(units, "--insecure-registry a:5000"),
      "/etc/systemd/system/docker.service.d/10-log.conf",
    );
    assert.equal(
      fileWithFlag(units, "--containerd=/run/containerd/containerd.sock"),
      "/lib/systemd/system/docker.service",
    );
  });
  it("names none where no unit has it", () => assert.equal(fileWithFlag(units, "--debug"), undefined));
});

describe("validateArguments", () => {
  it("keeps the flags and replaces the file", () => {
    const args = ["--config-file", "/a", "--bridge", "none", "--config-file=/b", "--debug"];
    assert.deepEqual(validateArguments(args, "/new"), [
      "--bridge",
      "none",
      "--debug",
      "--validate",
      "--config-file",
      "/new",
    ]);
  });
});
