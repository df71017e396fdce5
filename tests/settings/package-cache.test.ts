import assert from "node:assert/strict";
import { imageDefinitions, packageCacheDefinition } from "../../lib/images/definitions.ts";
import { throughCache } from "../../lib/package-cache/open.ts";
import { packageCacheUse } from "../../lib/package-cache/use.ts";
import { devSettings, settingProblems } from "./dev-settings.ts";

const problems = (packageCache: unknown, more = {}) => settingProblems({ packageCache, ...more });
const key = "gpu-build-host:packageCache";

describe("settings packageCache", () => {
  it("are off unless told otherwise: no image knows of it", () => {
    const settings = devSettings({});
    assert.equal(packageCacheDefinition(settings), undefined);
    assert.deepEqual(
      imageDefinitions(settings).filter(({ packageCache }) => packageCache),
      [],
    );
  });

  it("give an image of its own, which is built without it, and tell every other one", () => {
    const settings = devSettings({ packageCache: { mode: "own" } });
    assert.equal(packageCacheDefinition(settings)?.packageCache, undefined);
    assert.ok(imageDefinitions(settings).every(({ packageCache }) => packageCache?.pythonPort === 3141));
  });

  it("leave an index alone that the cache cannot reach, or that needs a login", () => {
    const use = (more: object) => packageCacheUse(devSettings({ packageCache: { mode: "own" }, ...more }));
    assert.equal(use({})?.pythonIndex, "https://pypi.org/simple");
    assert.equal(use({ proxy: { https: "http://proxy.example:3128" } })?.pythonIndex, undefined);
    const external = { packageCache: { mode: "external" }, proxy: { https: "http://proxy.example:3128" } };
    assert.equal(use(external)?.pythonIndex, undefined, "another stack's nginx knows no proxy either");
    const proxy = {
      http: "http://proxy.example:3128",
      https: "http://proxy.example:3128",
      noProxy: [".inside"],
    };
    const mirror = { pythonIndex: "https://pypi.inside/simple", mode: "own" };
    assert.equal(use({ proxy, packageCache: mirror })?.pythonIndex, mirror.pythonIndex);
    assert.equal(use({ proxy: { http: proxy.http } })?.pythonIndex, "https://pypi.org/simple");
    const cudaBase = { packageIndex: "https://download.pytorch.org/whl/cu128" };
    assert.equal(use({ cudaBase })?.torchIndex, cudaBase.packageIndex);
    const withLogin = { ...cudaBase, packageIndexSecret: { env: "INDEX" } };
    assert.equal(use({ cudaBase: withLogin })?.torchIndex, undefined);
  });

  it("name the upstream in the path of the cache's URL", () => {
    assert.equal(
      throughCache("127.0.0.1:3141", "https://index.example:8443/simple"),
      "http://127.0.0.1:3141/https/index.example:8443/simple",
    );
  });

  it("refuse ports that clash or need privileges, and sizes that are too small, all at once", () => {
    assert.deepEqual(problems({ mode: "own", pythonPort: 5000, debianPort: 443, wheelStorage: "5MB" }), [
      `${key}.pythonPort must differ from registryCache.port, got 5000 for both`,
      `${key}.debianPort 443 is below 1024: such ports need privileges; choose 1024 or above`,
      `${key}.wheelStorage must be at least 10MB, got 5MB; mode off runs no package cache`,
    ]);
    assert.deepEqual(problems({ mode: "own", pythonPort: 4000, debianPort: 4000 }), [
      `${key}.debianPort must differ from packageCache.pythonPort, got 4000 for both`,
    ]);
  });

  it("refuse words, logins and sizes that are none", () => {
    assert.equal(problems({ mode: "on" }).length, 1);
    assert.match(
      problems({ pythonIndex: "https://me:secret@index.example/simple" }).join(),
      /must hold no login/,
    );
    assert.match(problems({ debianStorage: "much" }).join(), /must be a size such as "20GB"/);
    assert.match(
      problems({ mode: "external", keepVolume: true }).join(),
      /has no meaning with mode external/,
    );
  });
});
