import assert from "node:assert/strict";
import { checkDaemonConfig } from "../../provider/daemon-config-check.ts";

const GOOD = {
  stack: "dev",
  dockerHost: "unix:///var/run/docker.sock",
  registryMirrors: ["http://127.0.0.1:5000"],
};
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value: "x" };

describe("check of DaemonConfig", () => {
  it("fills in defaults and what ought to be", () => {
    assert.deepEqual(checkDaemonConfig(GOOD), {
      inputs: {
        ...GOOD,
        manage: "apply",
        ledgerDir: "/var/lib/gpu-build-host/daemon",
        file: "http://127.0.0.1:5000",
        live: "http://127.0.0.1:5000",
        claim: "recorded",
      },
      failures: [],
    });
  });

  const bad: [name: string, change: object, property: string, reason: RegExp][] = [
    [
      "a mirror without a scheme",
      { registryMirrors: ["http://a", "127.0.0.1:5000"] },
      "registryMirrors[1]",
      /no scheme/,
    ],
    [
      "a mirror twice",
      { registryMirrors: ["http://a", "http://A/"] },
      "registryMirrors[1]",
      /same mirror as registryMirrors\[0\]/,
    ],
    ["mirrors as text", { registryMirrors: "http://a" }, "registryMirrors", /must be a list/],
    ["no mirrors", { registryMirrors: undefined }, "registryMirrors", /must be a list/],
    [
      "an unknown way to manage",
      { manage: "prin" },
      "manage",
      /must be apply, print or off: did you mean "print"\?, got "prin"/,
    ],
    [
      "a remote engine",
      { dockerHost: "ssh://host" },
      "dockerHost",
      /Unix socket of this machine .* got "ssh:\/\/host"/,
    ],
    ["a relative ledger", { ledgerDir: "state" }, "ledgerDir", /absolute path, got "state"/],
    ["an empty stack", { stack: " " }, "stack", /must not be empty/],
    [
      "a misspelt key",
      { registryMirror: ["http://a"] },
      "registryMirror",
      /is unknown: did you mean "registryMirrors"\?/,
    ],
    ["a secret", { registryMirrors: SECRET }, "registryMirrors", /must not be a secret/],
  ];
  for (const [name, change, property, reason] of bad) {
    it(`refuses ${name}`, () => {
      const { failures } = checkDaemonConfig({ ...GOOD, ...change });
      assert.deepEqual(
        failures.map((failure) => failure.property),
        [property],
      );
      assert.match(failures[0]!.reason, reason);
    });
  }

  it("lets a remote engine be printed for", () => {
    assert.deepEqual(checkDaemonConfig({ ...GOOD, dockerHost: "ssh://host", manage: "print" }).failures, []);
  });

  it("waits for what a preview does not know yet", () => {
    for (const change of [
      { registryMirrors: UNKNOWN },
      { registryMirrors: [UNKNOWN] },
      { dockerHost: UNKNOWN },
      { manage: UNKNOWN },
    ]) {
      const { inputs, failures } = checkDaemonConfig({ ...GOOD, ...change });
      assert.deepEqual(failures, []);
      if (!("dockerHost" in change)) assert.equal(inputs.file, UNKNOWN);
    }
  });
});
