import assert from "node:assert/strict";
import { certsByHand } from "../../lib/host/certs-by-hand.ts";
import { devSettings } from "../settings/dev-settings.ts";

describe("manage: print", () => {
  const lines = (manage: string, registryCache: object) =>
    certsByHand(devSettings({ dockerDaemon: { manage }, registryCache }));
  const tls = { certificate: "/c.pem", key: "/k.pem", ca: "/ca.pem" };

  it("says what to put below certs.d, since it is not written", () => {
    const registries = { "registry.example.com": { port: 5001 } };
    assert.deepEqual(lines("print", { bind: "192.0.2.7", tls, registries }), [
      "By hand (manage: print): copy /ca.pem to /etc/docker/certs.d/192.0.2.7:5000/ca.crt",
      `By hand (manage: print): write into /etc/docker/certs.d/registry.example.com/hosts.toml
server = "https://registry.example.com"

[host."http://127.0.0.1:5001"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "2s"
`,
    ]);
  });

  it("says nothing where we write it, or shall not care", () => {
    for (const manage of ["apply", "off"]) assert.deepEqual(lines(manage, { bind: "192.0.2.7", tls }), []);
    assert.deepEqual(lines("print", {}), []);
  });
});
