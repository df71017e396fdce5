import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { devSettings } from "./dev-settings.ts";

/** The lines of the error that the given values cause. */
function problems(values: Record<string, unknown>): string[] {
  try {
    devSettings(values);
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error.message.split("\n").map((line) => line.trim());
  }
  return [];
}

describe("settings", () => {
  it("have a default for everything", () => {
    const settings = devSettings({});
    assert.equal(settings.registryCache.port, 5000);
    assert.equal(settings.cudaBase.cuda, "12.8");
    assert.equal(settings.engine.host, "unix:///var/run/docker.sock");
    assert.deepEqual(settings.services, {});
    assert.equal(settings.keepStorage, "100GB");
  });

  it("compile for the RTX 50 series by default only where nvcc knows it", () => {
    const architectures = (cudaBase: Record<string, unknown>) =>
      devSettings({ cudaBase }).cudaBase.cudaArchitectures;
    assert.deepEqual(architectures({ cuda: "12.6" }), ["8.6", "8.9"]);
    assert.deepEqual(architectures({ cuda: "12.8" }), ["8.6", "8.9", "12.0"]);
    assert.deepEqual(architectures({ cuda: "13.0" }), ["8.6", "8.9", "12.0"]);
    assert.deepEqual(architectures({ cuda: "12.6", cudaArchitectures: ["12.0"] }), ["12.0"]);
  });

  it("take engine, network, upstream and ports from the private engine in the sandbox", () => {
    const settings = devSettings({ sandbox: true });
    assert.deepEqual(settings.engine, { host: "unix:///run/gpu-build-host/1/docker.sock", network: "host" });
    assert.equal(settings.registryCache.upstream, "http://127.0.0.1:7000");
    assert.equal(settings.registryCache.port, 7001);
    assert.equal(settings.imagesLockFile, "/project/.sandbox/images.lock.yaml");
  });

  it("names every problem in one message, with key, rule and value, and how to set it", () => {
    const lines = problems({ registryCache: { port: 99_999, ttl: "7" }, cudaBase: { cuda: 12.8 } });
    assert.deepEqual(lines, [
      "Invalid settings in Pulumi.dev.yaml:",
      "gpu-build-host:registryCache.port must be 1–65535, got 99999",
      'gpu-build-host:registryCache.ttl must be a duration such as "168h"; "0s" keeps layers forever, got "7"',
      'gpu-build-host:cudaBase.cuda must be a version in quotes such as "12.8": without them YAML drops digits, got 12.8',
      "Nothing was changed. Set a value with: pulumi config set --stack dev --path gpu-build-host:KEY VALUE",
    ]);
  });

  const wrong: [string, Record<string, unknown>, string][] = [
    [
      "a misspelt key at the top",
      { registryCash: {} },
      'gpu-build-host:registryCash is not a setting; did you mean "registryCache"?',
    ],
    [
      "a misspelt key inside",
      { registryCache: { prot: 5000 } },
      'gpu-build-host:registryCache.prot is not a setting; did you mean "port"?',
    ],
    [
      "a misspelt key of a service",
      { services: { a: { context: "a", dockerFile: "D" } } },
      'gpu-build-host:services.a.dockerFile is not a setting; did you mean "dockerfile"?',
    ],
    [
      "a key that is like no other",
      { dockerDaemon: { zzz: 1 } },
      "gpu-build-host:dockerDaemon.zzz is not a setting; known here: manage, allowRestart, onConflict, insecureRegistries, liveRestore, builderGc, logDriver, logOpts, nvidiaRuntime, cdi, maxConcurrentDownloads, settings",
    ],
    [
      "a remote engine",
      { engine: { host: "ssh://root@other" } },
      'gpu-build-host:engine.host must be a local engine such as "unix:///var/run/docker.sock"; ssh and tcp engines are not managed, got "ssh://root@other"',
    ],
    [
      "a port as text",
      { registryCache: { port: "5000" } },
      'gpu-build-host:registryCache.port must be a whole number, got "5000" in quotes: write it without them',
    ],
    [
      "a service without a context",
      { services: { a: {} } },
      "gpu-build-host:services.a.context is required: it must be text",
    ],
    [
      "a service with a name that Docker refuses",
      { services: { "My Service": { context: "a" } } },
      'gpu-build-host:services["My Service"] must be lower case letters and digits, with single . _ - between',
    ],
    [
      "a secret by value",
      { services: { a: { context: "a", secrets: { token: "hf_123" } } } },
      'gpu-build-host:services.a.secrets.token must be {file: "/path"} or {env: "NAME"}: the value itself never stands in a setting',
    ],
    [
      "a rebuild of an unknown image",
      { rebuilds: { wisperx: { count: 1 } } },
      "gpu-build-host:rebuilds.wisperx names no image of this stack; images: cuda-base-runtime, cuda-base-devel",
    ],
    [
      "a login in a URL, without showing it",
      { cudaBase: { packageIndex: "https://me:secret@index.example/simple" } },
      "gpu-build-host:cudaBase.packageIndex must hold no login: it would stand in state and images, got a value that is not shown",
    ],
    [
      "a volume that is a path",
      { registryCache: { volume: "/srv/layers" } },
      'gpu-build-host:registryCache.volume must be the name of a volume such as "localai_registry-cache", got "/srv/layers"',
    ],
    [
      "a ceiling without a unit that is known",
      { keepStorage: "100 gigs" },
      'gpu-build-host:keepStorage must be a size such as "100GB" or "0.5GiB"; "0" keeps no former version, got "100 gigs"',
    ],
    [
      "a ceiling as a number",
      { keepStorage: 100 },
      'gpu-build-host:keepStorage must be a size such as "100GB" or "0.5GiB"; "0" keeps no former version, got 100',
    ],
    [
      "a proxy's login in the setting itself, without showing it",
      { proxy: { https: "http://me:hunter2@proxy.test:3128" } },
      'gpu-build-host:proxy.https must be a URL such as "http://proxy.example:3128", or for one with a login {env: "NAME"} or {file: "/path"}, got a value that is not shown',
    ],
    [
      "a proxy that is no URL",
      { proxy: { http: "proxy.test:3128" } },
      "gpu-build-host:proxy.http must be a URL such as",
    ],
    [
      "a network without proxy that is none",
      { proxy: { noProxy: ["10.0.0.0/33"] } },
      'gpu-build-host:proxy.noProxy[0] must be a host, an ending such as ".example.com", or a network such as "10.0.0.0/8", got "10.0.0.0/33"',
    ],
    [
      "a password without a user in a URL",
      { cudaBase: { packageIndex: "https://:hunter2@index.example/simple" } },
      "gpu-build-host:cudaBase.packageIndex must hold no login",
    ],
    [
      "one port for two things",
      { registryCache: { port: 5000, metricsPort: 5000 } },
      "gpu-build-host:registryCache.metricsPort must differ from registryCache.port, got 5000 for both",
    ],
  ];
  for (const [what, values, message] of wrong) {
    it(`refuse ${what}`, () => {
      const lines = problems(values);
      assert.ok(
        lines.some((line) => line.startsWith(message)),
        lines.join("\n"),
      );
    });
  }

  it("never show a secret's value", () => {
    const lines = problems({ services: { a: { context: "a", secrets: { token: "hf_123" } } } });
    assert.ok(!lines.join("\n").includes("hf_123"), lines.join("\n"));
  });
});
