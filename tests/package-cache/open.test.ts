import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineAt } from "../../lib/docker/engine.ts";
import { openPackageCache } from "../../lib/package-cache/open.ts";
import { openBuildProxy } from "../../lib/proxy/build-proxy.ts";
import { freePort } from "../integration/free-ports.ts";

describe("what a build gets of the package cache", () => {
  const folder = mkdtempSync(join(tmpdir(), "gbh-packages-"));
  const wheelLogin = join(folder, "login");
  const engine = engineAt("unix:///nowhere.sock");
  let python: Server;
  let use: Parameters<typeof openPackageCache>[0] & object;

  before(async () => {
    writeFileSync(wheelLogin, "builds:{PLAIN}secret\n");
    python = createServer();
    await new Promise<void>((resolve) => python.listen(0, "127.0.0.1", resolve));
    const { port } = python.address() as AddressInfo;
    use = {
      pythonPort: port,
      debianPort: await freePort(),
      pythonIndex: "https://pypi.org/simple",
      wheelLogin,
    };
  });
  after(() => {
    python.close();
    rmSync(folder, { recursive: true });
  });

  it("is secrets for what answers, and a note for what does not", async () => {
    const { secrets, env, debianProxy, note } = await openPackageCache(use, "host", [], engine);
    const cache = `127.0.0.1:${use.pythonPort}`;
    assert.deepEqual(secrets, ["id=python-index,env=GBH_PYTHON_INDEX", "id=wheel-store,env=GBH_WHEEL_STORE"]);
    assert.deepEqual(env, {
      GBH_PYTHON_INDEX: `http://${cache}/https/pypi.org/simple`,
      GBH_WHEEL_STORE: `http://builds:secret@${cache}/wheels`,
    });
    assert.equal(debianProxy, undefined);
    assert.equal(note, `without the package cache: nothing answers at 127.0.0.1:${use.debianPort}`);
  });

  it("leaves a secret of the user's own alone, and is nothing without a network", async () => {
    const { secrets } = await openPackageCache(use, "host", ["python-index"], engine);
    assert.deepEqual(secrets, ["id=wheel-store,env=GBH_WHEEL_STORE"]);
    assert.deepEqual(await openPackageCache(use, "none", [], engine), { secrets: [], env: {} });
  });

  it("takes the place of a company's proxy for http, and no other", async () => {
    const settings = { http: "http://proxy.example:3128", https: "http://proxy.example:3128", noProxy: [] };
    const { env } = await openBuildProxy(settings, "host", [], engine, {
      address: "127.0.0.1",
      debianProxy: "http://127.0.0.1:3142",
    });
    assert.equal(env["HTTP_PROXY"], "http://127.0.0.1:3142");
    assert.equal(env["HTTPS_PROXY"], "http://proxy.example:3128");
    assert.equal(env["NO_PROXY"], "127.0.0.1,localhost,::1");
    const alone = await openBuildProxy(undefined, "host", [], engine, {
      address: "172.17.0.1",
      debianProxy: "http://172.17.0.1:3142",
    });
    assert.deepEqual(alone.names.includes("HTTPS_PROXY"), false);
    assert.equal(alone.env["NO_PROXY"], "127.0.0.1,localhost,::1,172.17.0.1");
  });

  it("is not asked for through a company's proxy, also where only its part for Python answers", async () => {
    const settings = { http: "http://proxy.example:3128", noProxy: [] };
    const { env } = await openBuildProxy(settings, "host", [], engine, { address: "172.17.0.1" });
    assert.equal(env["HTTP_PROXY"], settings.http);
    assert.equal(env["NO_PROXY"], "127.0.0.1,localhost,::1,172.17.0.1");
  });
});
