import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { startTestProxy, type TestProxy } from "../proxy/test-proxy.ts";
import { Project, smallBase, type Summary } from "./project.ts";

interface Facts {
  dockerHost: string;
  upstream: string;
}

/** A stack on an engine of its own whose way out is a real proxy: only that knows the names `upstream.test` and `web.test`. */
describe("the setting proxy", function () {
  this.timeout(10 * 60_000);
  const password = "pr0xy-w0rd";
  const port = 20_000 + (process.pid % 20_000);
  let project: Project;
  let facts: Facts;
  let web: Server;
  let open: TestProxy;
  let locked: TestProxy;

  before(async () => {
    web = createServer((_, answer) => answer.end("fetched\n"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    project = new Project();
    Object.assign(project.env, await project.variables()); // its docker and buildx
    facts = JSON.parse(project.read(".sandbox/facts.json")) as Facts;
    const hosts = {
      "upstream.test": Number(new URL(facts.upstream).port),
      "web.test": (web.address() as AddressInfo).port,
    };
    open = await startTestProxy({ hosts });
    locked = await startTestProxy({ hosts, login: `me:${password}` });
    mkdirSync(join(project.root, "state"));
    project.env["PULUMI_BACKEND_URL"] = `file://${join(project.root, "state")}`;
    project.env["PULUMI_CONFIG_PASSPHRASE"] = "";
    writeService("1");
  });
  after(async () => {
    await project?.remove();
    await open?.stop();
    await locked?.stop();
    web?.close();
  });

  function configure(proxy?: Record<string, unknown>, upstream = "http://upstream.test"): void {
    project.configure("dev", {
      engine: { host: facts.dockerHost, network: "host" },
      registryCache: { upstream, port },
      cudaBase: { cuda: "12.6", image: smallBase },
      services: { web: { context: "services/web" } },
      stateDir: join(project.root, "state"),
      ...(proxy && { proxy }),
    });
  }

  /** An image whose RUN fetches something: another version runs it again. */
  function writeService(
    version: string,
    check = "wget -q -O - http://web.test/file | grep -q fetched",
  ): void {
    project.write("services/web/Dockerfile", `FROM cuda-base:runtime-12.6\nRUN ${check} # ${version}\n`);
  }

  async function start(): Promise<Summary> {
    const result = await project.run("start", "--stack", "dev", "--built-toolchain", "--json");
    assert.equal(result.exitCode, 0, result.output);
    return JSON.parse(result.stdout) as Summary;
  }

  const preview = () => project.preview("dev", project.env);
  const cache = (...args: string[]) => project.docker(...args, "gpu-build-host-dev-registry-cache");

  it("reaches our own requests, the cache and builds; nothing for this machine goes through it", async () => {
    configure({ http: `http://127.0.0.1:${open.port}`, https: `http://127.0.0.1:${open.port}` });
    const { images } = await start();
    assert.deepEqual(
      images.map(({ result }) => result),
      ["built", "built", "built"],
    );
    console.log(`      ${open.requests.length} requests through the proxy`);
    assert.ok(open.requests.includes("CONNECT upstream.test:80"), "our request for a digest");
    assert.ok(
      open.requests.some((line) => /^GET http:\/\/upstream\.test\/v2\/.*\/blobs\//.test(line)),
      "the cache",
    );
    assert.ok(open.requests.includes("GET http://web.test/file"), "a build");
    const others = open.requests.filter((line) => !/ (http:\/\/)?(upstream|web)\.test[:/]/.test(line));
    assert.deepEqual(others, []);
    assert.deepEqual(await preview(), []);
  });

  it("is not what the shell's own variables are: those reach neither builds nor the cache, nor what stays here", async () => {
    const before = open.requests.length;
    const own = `http://127.0.0.1:${open.port}`;
    Object.assign(project.env, { HTTP_PROXY: own, http_proxy: own });
    writeService("3", 'test -z "$HTTP_PROXY$http_proxy"');
    configure(undefined, facts.upstream);
    const { images } = await start(); // the RUN of the image looks
    assert.equal(images.find(({ name }) => name === "web")?.result, "built");
    assert.deepEqual(open.requests.slice(before), []);
    for (const name of ["HTTP_PROXY", "http_proxy"]) delete project.env[name];
  });

  it("takes a login from elsewhere, which only the proxy sees; no image is built for it", async () => {
    const url = `http://me:${password}@127.0.0.1:${locked.port}`;
    project.env["GBH_TEST_PROXY"] = url;
    project.write("proxy-url", `${url}\n`, 0o600);
    configure({ http: { file: "proxy-url" }, https: { env: "GBH_TEST_PROXY" } });
    assert.deepEqual(
      (await preview())
        .map(({ op, name }) => `${op} ${name}`)
        .filter((line) => /server|file|web|cuda/.test(line)),
      ["create registry-cache-proxy-file", "replace registry-cache-server"],
    );
    await start();
    assert.deepEqual(await preview(), []);
    assert.doesNotMatch(await cache("inspect"), new RegExp(password));

    writeService("2");
    const { images } = await start();
    assert.deepEqual(
      images.map(({ name, result }) => `${name} ${result}`).filter((line) => !line.endsWith("unchanged")),
      ["web built"],
    );
    assert.ok(locked.requests.includes("GET http://web.test/file"), "a build");
    // The cache asks its upstream for a tag each time.
    await project.exec("curl", [
      "-sf",
      "-o",
      "/dev/null",
      `http://127.0.0.1:${port}/v2/library/registry/manifests/3.1.1`,
    ]);
    assert.ok(
      locked.requests.some(
        (line) =>
          line.startsWith("GET http://upstream.test/v2/") || line.startsWith("HEAD http://upstream.test/v2/"),
      ),
      "the cache",
    );
    assert.equal(locked.refused, 0);
  });

  it("is an error in one line before anything starts where its login cannot be had; destroy goes on", async () => {
    delete project.env["GBH_TEST_PROXY"];
    const result = await project.run("start", "--stack", "dev", "--built-toolchain");
    assert.equal(result.exitCode, 1);
    assert.equal(
      result.output.trim(),
      "gpu-build-host:proxy.https comes from the variable GBH_TEST_PROXY, which is not set; export GBH_TEST_PROXY=… and run again",
    );
    const up = await project.pulumi(["up", "--stack", "dev", "--yes", "--skip-preview"], project.env);
    assert.notEqual(up.exitCode, 0);
    assert.match(
      up.output,
      /gpu-build-host:proxy\.https comes from the variable GBH_TEST_PROXY, which is not set/,
    );
    assert.ok(existsSync(join(project.root, "state/dev/secrets")));
    const destroyed = await project.run("destroy", "--stack", "dev", "--built-toolchain");
    assert.equal(destroyed.exitCode, 0, destroyed.output);
    assert.ok(!existsSync(join(project.root, "state/dev/secrets")), "the file with the login is removed");
  });
});
