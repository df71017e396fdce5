import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { PackageCache, type PackageCacheArgs } from "../../components/package-cache.ts";

// Exported, but left out of Pulumi's types.
const { waitForRPCs } = pulumi.runtime as unknown as { waitForRPCs(): Promise<void> };

interface Registered {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

const reference = "localhost:1/dev/package-cache:dev-0123456789abcdef";
const args: PackageCacheArgs = {
  stack: "dev",
  stateDir: "/state",
  python: { port: 3141, listen: ["127.0.0.1:3141"], storage: 30e9, httpIndexes: [] },
  debian: {
    port: 3142,
    listen: ["127.0.0.1:3142", "172.17.0.1:3142"],
    storage: 5e9,
    direct: [".corp.example", "mirror", "10.0.0.0/8"],
  },
  allow: ["127.0.0.0/8", "172.17.0.0/16"],
  wheelStorage: 10e9,
  wheelLogin: "/state/package-cache/store-3141/login",
  fingerprint: "of the image",
  keepVolume: false,
  image: {
    stack: "dev",
    dockerHost: "unix:///x.sock",
    stateDir: "/state",
    keep: 3,
    keepStorage: 100e9,
    needed: "",
    adoptTags: false,
    requireGpu: false,
    idleMinutes: 30,
    plan: {
      name: "package-cache",
      reference,
      tags: ["package-cache:dev"],
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
    },
  },
};

describe("PackageCache", () => {
  let registered: Registered[] = [];

  before(async () => {
    await pulumi.runtime.setMocks({
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs: inputs as Record<string, unknown> });
        return { id: `${name}-id`, state: inputs as Record<string, unknown> };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    });
  });

  async function declare(more: Partial<PackageCacheArgs> = {}): Promise<void> {
    registered = [];
    new PackageCache("packages", { ...args, ...more });
    await waitForRPCs();
  }

  const inputsOf = (name: string) => registered.find((one) => one.name === name)?.inputs ?? {};
  const commandOf = (name: string) => (inputsOf(name)["command"] as string[]).join();

  it("runs two containers of its own image over one volume", async () => {
    await declare();
    assert.deepEqual(registered.map(({ type, name }) => `${type} ${name}`).sort(), [
      "command:local:Command packages-login",
      "docker:index/container:Container packages-debian",
      "docker:index/container:Container packages-python",
      "docker:index/volume:Volume packages-packages",
      "gpu-build-host:components:PackageCache packages",
      "gpubuild:index:Image package-cache",
    ]);
    for (const name of ["packages-python", "packages-debian"]) {
      const { image, networkMode, readOnly, ports, memory, capabilities } = inputsOf(name);
      assert.deepEqual(
        { image, networkMode, readOnly, ports, memory, capabilities },
        {
          image: reference,
          networkMode: "host",
          readOnly: true,
          ports: undefined,
          memory: 512,
          capabilities: { drops: ["ALL"] },
        },
      );
    }
  });

  it("listens where it is told, for these networks only, and within its sizes", async () => {
    await declare();
    assert.match(commandOf("packages-python"), /listen 127\.0\.0\.1:3141;\n[^]*deny all;/);
    assert.match(commandOf("packages-python"), /max_size=30000000000 /);
    assert.match(commandOf("packages-debian"), /http_port 127\.0\.0\.1:3142\nhttp_port 172\.17\.0\.1:3142\n/);
    assert.match(commandOf("packages-debian"), /acl ours src 127\.0\.0\.0\/8 172\.17\.0\.0\/16\n/);
    assert.match(commandOf("packages-debian"), /cache_dir aufs \S+ 4768 /);
  });

  it("gives up on a silent upstream before pip and apt give up on it, so that they get the old page", async () => {
    await declare();
    const [pip, apt] = [15, 30];
    const python = commandOf("packages-python");
    const [files = 0, pages = 0] = secondsIn(python, /proxy_read_timeout (\d+)s/g);
    const [connect = 0] = secondsIn(python, /proxy_connect_timeout (\d+)s/g);
    const [next = 0] = secondsIn(python, /proxy_next_upstream_timeout (\d+)s/g);
    assert.ok(connect < next && next < 2 * connect, "a second address is tried, and no third");
    assert.ok(2 * connect + pages < pip && pages < files, "connect, handshake, silence");
    const [locked = 0, lockedPages = 0] = secondsIn(python, /proxy_cache_lock_timeout (\d+)s/g).sort(
      (a, b) => b - a,
    );
    assert.ok(locked + connect < pip && lockedPages + pages < pip, "also behind another build's request");
    const debian = commandOf("packages-debian");
    const [silent = 0] = secondsIn(debian, /\nread_timeout (\d+) /g);
    const [forward = 0] = secondsIn(debian, /\nforward_timeout (\d+) /g);
    assert.ok(forward < silent && silent < apt);
  });

  const secondsIn = (command: string, pattern: RegExp) =>
    [...command.matchAll(pattern)].map(([, seconds]) => Number(seconds));

  it("goes past the company's proxy to hosts inside", async () => {
    await declare();
    const lines = commandOf("packages-debian")
      .split("\n")
      .filter((line) => /inside/.test(line));
    assert.deepEqual(lines, [
      "acl inside dstdomain .corp.example",
      "acl inside dstdomain .mirror",
      "acl inside_networks dst 10.0.0.0/8",
      "always_direct allow inside",
      "always_direct allow inside_networks",
    ]);
  });

  it("has a company's certificates as a copy, and logins by the path of a file only", async () => {
    await declare({
      caBundle: "/etc/company.pem",
      fingerprint: "abc",
      proxy: { file: "/state/dev/secrets/proxy" },
    });
    assert.deepEqual(inputsOf("packages-certificates")["files"], {
      "ca.pem": { copyOf: "/etc/company.pem" },
    });
    assert.match(
      commandOf("packages-python"),
      /proxy_ssl_trusted_certificate \/etc\/package-cache-ca\/ca\.pem;/,
    );
    const mounts = inputsOf("packages-debian")["volumes"] as { hostPath?: string }[];
    assert.ok(mounts.some(({ hostPath }) => hostPath === "/state/dev/secrets/proxy"));
    assert.match(commandOf("packages-debian"), /^set -eu\n\. \/etc\/registry-proxy\n/);
  });
});
