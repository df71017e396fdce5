import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readyPackageCache } from "../../lib/package-cache/ready.ts";
import { squidConfig } from "../../lib/package-cache/squid-config.ts";
import { devSettings } from "../settings/dev-settings.ts";

describe("a stack's own package cache", () => {
  const folder = mkdtempSync(join(tmpdir(), "gbh-ready-"));
  after(() => rmSync(folder, { recursive: true }));

  const ready = (proxy: object, isPreview = false) => {
    const settings = devSettings({ packageCache: { mode: "own" }, engine: { network: "host" }, proxy });
    return readyPackageCache({ ...settings, stateDir: folder }, isPreview);
  };

  it("is refused where its way out is a proxy that is reached by https: Squid speaks http to it", async () => {
    await assert.rejects(ready({ http: "https://proxy.example:3129" }, true), /address with http:\/\//);
    assert.ok(await ready({ http: "http://proxy.example:3128" }, true));
  });

  it("is another container when the login of the wheel store was written anew", async () => {
    const first = await ready({});
    assert.equal((await ready({}))?.fingerprint, first?.fingerprint);
    writeFileSync(first!.wheelLogin, "builds:{PLAIN}another\n", { mode: 0o444 });
    assert.notEqual((await ready({}))?.fingerprint, first?.fingerprint);
  });

  it("lets Squid go past the proxy for every form of noProxy", () => {
    const lines = (direct: string[]) =>
      squidConfig({ listen: ["127.0.0.1:3142"], allow: [], storage: 5e9, direct })
        .split("\n")
        .filter((line) => /inside|always_direct/.test(line));
    assert.deepEqual(lines(["debian.example:8080", ".corp", "10.0.0.0/8", "[::1]", "[fd00::1]:80"]), [
      "acl inside dstdomain .debian.example",
      "acl inside dstdomain .corp",
      "acl inside_networks dst 10.0.0.0/8",
      "acl inside_networks dst ::1",
      "acl inside_networks dst fd00::1",
      "always_direct allow inside",
      "always_direct allow inside_networks",
    ]);
    assert.deepEqual(lines(["*"]), ["always_direct allow all"]);
  });
});
