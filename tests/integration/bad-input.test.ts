import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { engineContent } from "./machine.ts";
import { Project, smallBase, type CommandResult } from "./project.ts";

interface Facts {
  dockerHost: string;
  upstream: string;
}

const cudaBase = { cuda: "12.6", image: smallBase };

describe("bad input", function () {
  this.timeout(10 * 60_000);
  let project: Project;

  before(() => {
    project = new Project();
    // So that the test of an unhealthy cache need not wait for as long as a person would.
    const cache = project.read("components/fenced-container.ts");
    assert.match(cache, /waitTimeout: \d+,/);
    project.write("components/fenced-container.ts", cache.replace(/waitTimeout: \d+,/, "waitTimeout: 8,"));
  });
  after(() => project.remove());

  /** A command that fails, with words for a person. */
  async function fails(command: Promise<CommandResult>): Promise<string> {
    const { exitCode, output } = await command;
    assert.notEqual(exitCode, 0, output);
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+|UnhandledPromise|node:internal/, "no stack trace");
    assert.doesNotMatch(output, /sdk\.helper_schema|exited prematurely/);
    return output;
  }

  describe("in the settings", () => {
    const wrong = {
      sandbox: true,
      registryCach: {},
      registryCache: { port: 99_999, ttl: "7" },
      services: { App: { context: "x" }, app: { context: "services/app", argz: {} } },
    };
    const messages = [
      /gpu-build-host:registryCach is not a setting; did you mean "registryCache"\?/,
      /gpu-build-host:registryCache\.port must be 1–65535, got 99999/,
      /gpu-build-host:registryCache\.ttl must be a duration such as "168h".*got "7"/,
      /gpu-build-host:services\.App must be lower case letters/,
      /gpu-build-host:services\.app\.argz is not a setting; did you mean "args"\?/,
      /Nothing was changed\. Set a value with: pulumi config set --stack sandbox --path gpu-build-host:KEY VALUE/,
    ];

    it("is told in one message before anything is started", async () => {
      project.configure("sandbox", wrong);
      const output = await fails(project.run("start"));
      for (const message of messages) assert.match(output, message);
      assert.equal(output.split("Invalid settings").length, 2, "said once");
      assert.ok(!existsSync(join(project.root, ".sandbox")), "no sandbox was made");
    });

    it("is told so by plain Pulumi too, with nothing registered", async () => {
      project.configure("sandbox", { sandbox: true, cudaBase });
      await project.variables();
      const before = await engineContent(project);
      project.configure("sandbox", wrong);
      const output = await fails(project.pulumi(["up", "--stack", "sandbox", "--yes", "--skip-preview"]));
      for (const message of messages) assert.match(output, message);
      assert.deepEqual(await engineContent(project), before);
      assert.deepEqual(await registered(), []);
    });
  });

  describe("in what the settings name", () => {
    it("names the Dockerfile that does not parse and the folder that is missing", async () => {
      project.write("services/broken/Dockerfile", "FROM cuda-base:runtime-12.6\nCOPPY x /x\n");
      project.configure("sandbox", {
        sandbox: true,
        cudaBase,
        services: {
          broken: { context: "services/broken" },
          absent: { context: "services/absent" },
        },
      });
      const output = await fails(project.run("start"));
      assert.match(output, /services\/broken\/Dockerfile:2: .*COPPY/);
      assert.match(output, /services\/absent/);
      assert.deepEqual(await registered(), []);
    });

    it("names a circle of images once", async () => {
      project.write("services/egg/Dockerfile", "FROM hen:cu126\n");
      project.write("services/hen/Dockerfile", "FROM scratch\nCOPY --from=egg:cu126 /x /x\n");
      const services = { hen: { context: "services/hen" }, egg: { context: "services/egg" } };
      project.configure("sandbox", { sandbox: true, cudaBase, services });
      const output = await fails(project.run("start"));
      assert.match(output, /circle: egg → hen → egg; remove one of these FROM or --from/);
      assert.equal(output.split("circle").length, 2, "said once");
      assert.deepEqual(await registered(), []);
    });

    it("names the secret that is not set", async () => {
      project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\n");
      project.configure("sandbox", {
        sandbox: true,
        cudaBase,
        services: { app: { context: "services/app", secrets: { token: { env: "GBH_TEST_TOKEN" } } } },
      });
      const output = await fails(project.run("start"));
      assert.match(
        output,
        /image "app": the build secret "token" comes from the variable GBH_TEST_TOKEN, which is not set; export GBH_TEST_TOKEN=…/,
      );
      assert.deepEqual(await registered(), []);
    });

    it("shows the last words of a cache that does not become healthy", async () => {
      project.configure("sandbox", { sandbox: true, cudaBase, registryCache: { ttl: "99999999999h" } });
      const output = await fails(project.run("start"));
      assert.match(output, /registry-cache-server: container failed to be in healthy state/);
      assert.match(output, /The cache's last words:\n {2}.*\S/);
      assert.equal(output.split("healthy state").length, 2, `said once:\n${output}`);
    });
  });

  describe("of a host", () => {
    /** A stack "dev" whose engine is the sandbox's, so that only what a test changes is wrong. */
    function configureDev(settings: Record<string, unknown> = {}): void {
      const facts = JSON.parse(project.read(".sandbox/facts.json")) as Facts;
      project.configure("dev", {
        engine: { host: facts.dockerHost, network: "host" },
        registryCache: { upstream: facts.upstream },
        cudaBase,
        stateDir: join(project.root, "state"),
        ...settings,
      });
      mkdirSync(join(project.root, "state"), { recursive: true });
      project.env["PULUMI_BACKEND_URL"] = `file://${join(project.root, "state")}`;
      project.env["PULUMI_CONFIG_PASSPHRASE"] = "";
    }
    const startDev = () => project.run("start", "--stack", "dev", "--built-toolchain");

    it("names who has the cache's port", async () => {
      const server = createServer();
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      const { port } = server.address() as AddressInfo;
      const facts = JSON.parse(project.read(".sandbox/facts.json")) as Facts;
      configureDev({ registryCache: { upstream: facts.upstream, port } });
      const output = await fails(startDev()).finally(() => server.close());
      assert.match(
        output,
        new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is taken by .+ \\(process ${process.pid}\\)\\.`),
      );
    });

    it("refuses a volume of the cache's name that is not ours", async () => {
      await project.docker("volume", "create", "gpu-build-host-dev-registry-cache");
      configureDev();
      const output = await fails(startDev());
      assert.match(
        output,
        /The volume gpu-build-host-dev-registry-cache exists and is not of the stack dev\./,
      );
      await project.docker("volume", "inspect", "gpu-build-host-dev-registry-cache");
    });

    it("names the engine that does not answer", async () => {
      configureDev({ engine: { host: "unix:///run/gbh-no-such-engine.sock" } });
      const output = await fails(startDev());
      assert.match(output, /Docker Engine at unix:\/\/\/run\/gbh-no-such-engine\.sock does not answer/i);
    });

    it("refuses an engine of another machine", async () => {
      configureDev({ engine: { host: "ssh://gpu-box" } });
      assert.match(await fails(startDev()), /engine\.host must be a local engine .*, got "ssh:\/\/gpu-box"/);
    });

    it("refuses an engine that is too old", async () => {
      // A stand-in: it answers what Docker 20.10 says about itself, and knows nothing else.
      const answers: Record<string, unknown> = {
        "/info": { ID: "x", ServerVersion: "20.10.24", DockerRootDir: "/" },
        "/version": { Version: "20.10.24", ApiVersion: "1.41" },
        "/containers/json": [],
      };
      const engine = createHttpServer((request, response) => {
        const path = (request.url ?? "").replace(/\?.*$/, "").replace(/^\/v[\d.]+/, "");
        response.writeHead(path in answers ? 200 : 404, { "content-type": "application/json" });
        response.end(JSON.stringify(answers[path] ?? {}));
      });
      const socket = join(project.root, "old.sock");
      await new Promise<void>((done) => engine.listen(socket, done));
      configureDev({ engine: { host: `unix://${socket}` } });
      const output = await fails(
        project.pulumi(["up", "--stack", "dev", "--yes", "--skip-preview"], project.env),
      ).finally(() => engine.close());
      assert.match(output, /Docker Engine 20\.10\.24 is too old: 23\.0 or newer is needed/);
    });

    it("names the stack file that is missing", async () => {
      assert.match(await fails(project.run("start", "--stack", "dve")), /Pulumi\.dve\.yaml is not there/);
    });
  });

  /** Resources in the state of the stack `sandbox`, without the stack itself and its provider. */
  async function registered(): Promise<string[]> {
    const state = readFileSync(
      join(project.root, ".sandbox/pulumi/.pulumi/stacks/gpu-build-host/sandbox.json"),
      "utf8",
    );
    const { checkpoint } = JSON.parse(state) as {
      checkpoint: { latest?: { resources?: { type: string }[] } };
    };
    return (checkpoint.latest?.resources ?? [])
      .map(({ type }) => type)
      .filter((type) => !type.startsWith("pulumi:"));
  }
});
