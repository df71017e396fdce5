import assert from "node:assert/strict";
import { parseDockerdFlags, validateArguments } from "../../lib/daemon/dockerd-flags.ts";

describe("parseDockerdFlags", () => {
  it("knows the packaged unit", () => {
    assert.deepEqual(
      parseDockerdFlags(["-H", "fd://", "--containerd=/run/containerd/containerd.sock"], "/"),
      {
        configFile: "/etc/docker/daemon.json",
        configFileGiven: false,
        hosts: ["fd://"],
        registryMirrors: [],
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
      registryMirrors: ["http://m", "http://n"],
    });
  });
  it("does not take a flag's value for a flag", () => {
    assert.equal(parseDockerdFlags(["--label", "a=--config-file"], "/").configFileGiven, false);
  });
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
