import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { BuildCacheRegistry } from "../../components/build-cache-registry.ts";
import { CudaBase } from "../../components/cuda-base.ts";
import { DockerDaemon } from "../../components/docker-daemon.ts";
import { RegistryCache } from "../../components/registry-cache.ts";
import { registryConfig } from "../../components/registry-cache-command.ts";
import { ServiceImage } from "../../components/service-image.ts";
import type { ImageArgs } from "../../provider/sdk.ts";

// Exported, but left out of Pulumi's types.
const { waitForRPCs } = pulumi.runtime as unknown as { waitForRPCs(): Promise<void> };

interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

let registered: Registered[] = [];

function inputsOf(name: string): Record<string, unknown> {
  const resource = registered.find(
    (candidate) => candidate.name === name && !candidate.type.includes(":components:"),
  );
  assert.ok(resource, `${name} was not registered`);
  return resource.inputs;
}

function typesAndNames(): string[] {
  return registered.map(({ type, name }) => `${type} ${name}`).sort();
}

const cacheArgs = {
  stack: "dev",
  dockerHost: "unix:///x.sock",
  mode: "own" as const,
  image: `registry@sha256:${"a".repeat(64)}`,
  upstream: "https://registry-1.docker.io",
  port: 5000,
  bind: "127.0.0.1",
  ttl: "0s",
  memoryMiB: 512,
  stateDir: "/state",
  manage: "apply" as const,
};

function imageArgs(name: string): ImageArgs {
  const plan = {
    name,
    reference: `localhost:1/dev/${name}:x-0123456789abcdef`,
    tags: [`${name}:cu128`],
    hash: "0123456789abcdef",
    parts: { dockerfile: "1" },
    parents: [],
    pins: {},
    context: "/project",
    dockerfile: "Dockerfile",
    args: {},
    contexts: {},
    secrets: {},
    rebuild: { count: 0, noCache: false },
  };
  return {
    stack: "dev",
    dockerHost: "unix:///x.sock",
    stateDir: "/state",
    keep: 3,
    keepStorage: 100e9,
    needed: "",
    adoptTags: false,
    requireGpu: false,
    idleMinutes: 30,
    plan,
  };
}

describe("components", () => {
  before(async () => {
    await pulumi.runtime.setMocks({
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs: inputs as Record<string, unknown> });
        return { id: `${name}-id`, state: inputs as Record<string, unknown> };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    });
  });
  beforeEach(() => {
    registered = [];
  });

  describe("RegistryCache", () => {
    it("runs one container with one volume, pinned by digest", async () => {
      const cache = new RegistryCache("cache", cacheArgs);
      await settled(cache.id);
      await waitForRPCs();
      assert.deepEqual(typesAndNames(), [
        "command:local:Command cache-image-removal",
        "command:local:Command cache-limit",
        "docker:index/container:Container cache-server",
        "docker:index/remoteImage:RemoteImage cache-image",
        "docker:index/volume:Volume cache-layers",
        "gpu-build-host:components:RegistryCache cache",
      ]);
      assert.equal(inputsOf("cache-server")["image"], cacheArgs.image);
      assert.equal(cache.url, "http://127.0.0.1:5000");
    });

    it("listens on loopback only, without rights that it does not need", async () => {
      await settled(new RegistryCache("cache", cacheArgs).id);
      const container = inputsOf("cache-server");
      assert.match(String((container["command"] as string[])[0]), /addr: 127\.0\.0\.1:5000/);
      assert.equal(container["ports"], undefined);
      assert.equal(container["readOnly"], true);
      assert.deepEqual((container["capabilities"] as { drops: string[] }).drops, ["ALL"]);
    });

    it("has limits on memory, processes and log", async () => {
      await settled(new RegistryCache("cache", cacheArgs).id);
      await waitForRPCs();
      const container = inputsOf("cache-server");
      assert.deepEqual([container["memory"], container["memorySwap"]], [512, 512]);
      assert.deepEqual(container["logOpts"], { "max-file": "3", "max-size": "10m" });
      assert.match(String(inputsOf("cache-limit")["create"]), /--pids-limit 512/);
    });

    it("takes a login from a folder that only its user may read, and says nothing of it", async () => {
      const login = { username: "me", password: { env: "HUB_TOKEN" } };
      await settled(new RegistryCache("cache", { ...cacheArgs, login }).id);
      const folder = "/state/registry-cache/gpu-build-host-dev-registry-cache";
      assert.deepEqual(inputsOf("cache-secrets")["files"], {
        "login.json": { login, server: cacheArgs.upstream },
      });
      assert.equal(inputsOf("cache-secrets")["folder"], folder);
      const container = inputsOf("cache-server");
      assert.deepEqual((container["volumes"] as object[])[1], {
        hostPath: folder,
        containerPath: "/run/secrets/registry-cache",
        readOnly: true,
      });
      assert.doesNotMatch(JSON.stringify(container), /HUB_TOKEN/);
    });

    it("tells the engine of a further registry by hosts.toml, of its certificate by ca.crt", async () => {
      const { id } = new RegistryCache("cache", { ...cacheArgs, registry: "nvcr.io", port: 5001 });
      await settled(id);
      await waitForRPCs();
      assert.equal(inputsOf("cache-server")["name"], "gpu-build-host-dev-registry-cache-nvcr.io");
      assert.equal(inputsOf("cache-engine")["folder"], "/etc/docker/certs.d/nvcr.io");
      assert.deepEqual(Object.keys(inputsOf("cache-engine")["files"] as object), ["hosts.toml"]);
      registered = [];
      const tls = { certificate: "/c.pem", key: "/k.pem", fingerprint: "1" };
      const cache = new RegistryCache("cache", { ...cacheArgs, bind: "192.0.2.7", tls });
      await settled(cache.id);
      await waitForRPCs();
      assert.equal(cache.url, "https://192.0.2.7:5000");
      assert.equal(inputsOf("cache-engine")["folder"], "/etc/docker/certs.d/192.0.2.7:5000");
      assert.deepEqual(inputsOf("cache-engine")["files"], { "ca.crt": { copyOf: "/c.pem" } });
    });

    it("leaves the engine's folders alone where it shall not write daemon.json", async () => {
      const { id } = new RegistryCache("cache", { ...cacheArgs, registry: "nvcr.io", manage: "off" });
      await settled(id);
      await waitForRPCs();
      assert.ok(!typesAndNames().some((line) => line.includes("cache-engine")));
    });

    it("creates nothing when another stack runs the cache", async () => {
      const cache = new RegistryCache("cache", { ...cacheArgs, mode: "external" });
      await waitForRPCs();
      assert.deepEqual(typesAndNames(), ["gpu-build-host:components:RegistryCache cache"]);
      assert.equal(cache.url, "http://127.0.0.1:5000");
    });

    it("mounts a volume that it is told to take over, and does not own it", async () => {
      await settled(new RegistryCache("cache", { ...cacheArgs, volume: "localai_registry-cache" }).id);
      assert.ok(!typesAndNames().some((entry) => entry.includes("Volume")));
      assert.deepEqual(inputsOf("cache-server")["volumes"], [
        { volumeName: "localai_registry-cache", containerPath: "/var/lib/registry" },
      ]);
    });

    it("starts while its upstream is away: credentials come from a helper", () => {
      assert.match(registryConfig(cacheArgs), /exec:\n {4}command: \/run\/registry\/login/);
    });

    it("serves metrics only on a port of their own", () => {
      assert.doesNotMatch(registryConfig(cacheArgs), /debug/);
      assert.match(registryConfig({ ...cacheArgs, metricsPort: 5001 }), /addr: 127\.0\.0\.1:5001/);
    });
  });

  describe("BuildCacheRegistry", () => {
    beforeEach(async () => {
      const { stack, dockerHost, image, memoryMiB } = cacheArgs;
      new BuildCacheRegistry("build-cache", { stack, dockerHost, image, port: 5005, memoryMiB });
      await waitForRPCs();
    });

    it("is a container with a volume, and takes the image away with the last of its containers", () => {
      assert.deepEqual(typesAndNames(), [
        "command:local:Command build-cache-image-removal",
        "command:local:Command build-cache-limit",
        "docker:index/container:Container build-cache-server",
        "docker:index/remoteImage:RemoteImage build-cache-image",
        "docker:index/volume:Volume build-cache-steps",
        "gpu-build-host:components:BuildCacheRegistry build-cache",
      ]);
    });

    it("takes pushes on loopback alone, as nobody, and drops at its start what no tag names", () => {
      const { command, networkMode, name } = inputsOf("build-cache-server");
      const [script = ""] = command as string[];
      assert.equal(networkMode, "host");
      assert.equal(name, "gpu-build-host-dev-build-cache");
      assert.match(script, /addr: 127\.0\.0\.1:5005/);
      assert.doesNotMatch(script, /proxy:/);
      assert.match(script, /garbage-collect --delete-untagged \S+ .*; exec \/bin\/registry serve/);
      assert.match(script, /exec su -s \/bin\/sh nobody/);
    });
  });

  describe("DockerDaemon", () => {
    const daemonArgs = {
      stack: "dev",
      dockerHost: "unix:///x.sock",
      registryMirrors: ["http://127.0.0.1:5000"],
      ledgerDir: "/state/daemon",
      cacheId: "1",
      cachePort: 5000,
      cacheImage: cacheArgs.image,
    };

    it("edits daemon.json and proves that a pull goes through the mirror", async () => {
      await declared(() => new DockerDaemon("daemon", { ...daemonArgs, manage: "apply" }));
      assert.deepEqual(typesAndNames(), [
        "command:local:Command daemon-probe",
        "gpu-build-host:components:DockerDaemon daemon",
        "gpubuild:index:DaemonConfig daemon-config",
      ]);
      assert.deepEqual(inputsOf("daemon-config")["registryMirrors"], ["http://127.0.0.1:5000"]);
    });

    it("does not probe what it did not set", async () => {
      await declared(() => new DockerDaemon("daemon", { ...daemonArgs, manage: "print" }));
      assert.deepEqual(typesAndNames(), [
        "gpu-build-host:components:DockerDaemon daemon",
        "gpubuild:index:DaemonConfig daemon-config",
      ]);
    });
  });

  describe("CudaBase and ServiceImage", () => {
    it("are one image each", async () => {
      await declared(() => {
        new CudaBase("base", {
          runtime: imageArgs("cuda-base-runtime"),
          devel: imageArgs("cuda-base-devel"),
        });
        new ServiceImage("whisperx", imageArgs("whisperx"));
      });
      assert.deepEqual(
        typesAndNames().filter((line) => line.startsWith("gpubuild")),
        [
          "gpubuild:index:Image cuda-base-devel",
          "gpubuild:index:Image cuda-base-runtime",
          "gpubuild:index:Image whisperx",
        ],
      );
      assert.equal(inputsOf("whisperx")["reference"], "localhost:1/dev/whisperx:x-0123456789abcdef");
    });
  });
});

/** Waits until an output of the mocked engine is known. */
function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

/** Runs declarations, and waits until the mocked engine has seen them all. */
async function declared(declare: () => unknown): Promise<void> {
  declare();
  await waitForRPCs();
}
