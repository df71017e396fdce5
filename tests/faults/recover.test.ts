import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { freePorts } from "../integration/free-ports.ts";
import { Project, smallBase, type CommandResult, type Summary } from "../integration/project.ts";

const cacheName = "gpu-build-host-dev-registry-cache";

// The stack "dev" on an engine that is not its own, with the folder of its state known from `pulumi login` alone.
describe("npm run recover", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  const stateFile = () => join(project.root, "pulumi-state/.pulumi/stacks/gpu-build-host/dev.json");
  const daemonJson = () => readFileSync(join(project.root, ".sandbox", "daemon.json"), "utf8");
  const volumeAge = () => project.docker("volume", "inspect", "--format={{.CreatedAt}}", cacheName);
  const containerId = () => project.docker("inspect", "--format={{.Id}}", cacheName);
  const dev = (command: string, ...args: string[]) =>
    project.run(command, "--stack", "dev", "--built-toolchain", ...args);

  before(async () => {
    project = new Project();
    const env = await project.variables(); // starts the engine; the stack "sandbox" itself stays empty
    const facts = JSON.parse(project.read(".sandbox/facts.json")) as { dockerHost: string; upstream: string };
    const [port] = await freePorts(1);
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo app > /app\n");
    project.configure("dev", {
      engine: { host: facts.dockerHost, network: "host" },
      registryCache: { port, upstream: facts.upstream },
      cudaBase: { cuda: "12.6", image: smallBase },
      services: { app: { context: "services/app" } },
      stateDir: join(project.root, "state"),
    });
    mkdirSync(join(project.root, "pulumi-state"));
    project.env["PULUMI_CREDENTIALS_PATH"] = join(project.root, "credentials");
    project.env["PULUMI_CONFIG_PASSPHRASE"] = "";
    // docker and its plugins; the tool chain in the first folder is found anew
    project.env["PATH"] = env["PATH"]!.split(delimiter).slice(1).join(delimiter);
    project.env["DOCKER_CONFIG"] = env["DOCKER_CONFIG"]!;
    const login = await project.pulumi(["login", `file://${join(project.root, "pulumi-state")}`]);
    assert.equal(login.exitCode, 0, login.output);
    succeeds(await dev("start"));
  });
  after(() => project.remove());

  function succeeds(result: CommandResult): CommandResult {
    assert.equal(result.exitCode, 0, result.output);
    return result;
  }

  it("finds nothing to recover where all is well", async () => {
    assert.match(
      succeeds(await dev("recover", "--dry-run")).stdout,
      /Nothing of the stack dev needs to be recovered/,
    );
  });

  it("is named by npm start where the state is lost, before anything is changed", async () => {
    const before = [await containerId(), await volumeAge(), daemonJson()];
    rmSync(join(project.root, "pulumi-state", ".pulumi"), { recursive: true });
    const { exitCode, output } = await dev("start");
    assert.equal(exitCode, 1, output);
    assert.match(
      output,
      new RegExp(
        `Found 5 things of the stack dev that its state does not know: container ${cacheName}, mirror http://127\\.0\\.0\\.1:\\d+, image localhost:1/dev/.*\\. To adopt them: npm run recover -- --stack dev$`,
      ),
    );
    assert.deepEqual([await containerId(), await volumeAge(), daemonJson()], before);
  });

  it("says with --dry-run what it would do, and does nothing", async () => {
    const container = await containerId();
    const { stdout } = succeeds(await dev("recover", "--dry-run", "--json"));
    const { troubles } = JSON.parse(stdout) as { troubles: Record<string, string>[] };
    assert.deepEqual(
      troubles.map(({ id, remedy }) => ({ id, remedy })),
      [
        {
          id: "lost-state",
          remedy: "adopt them: volume, images and mirror stay, the container is made anew",
        },
      ],
    );
    assert.equal(await containerId(), container);
    assert.equal(existsSync(stateFile()), false);
  });

  it("adopts volume, images and mirror, and makes the container anew", async () => {
    const before = [await volumeAge(), daemonJson()];
    const container = await containerId();
    const { stdout } = succeeds(await dev("recover", "--json"));
    const { images } = JSON.parse(stdout) as Summary;
    assert.deepEqual(
      images.map(({ result }) => result),
      ["reused", "reused", "reused"],
    );
    assert.deepEqual([await volumeAge(), daemonJson()], before);
    assert.notEqual(await containerId(), container);
    assert.match(succeeds(await dev("start")).stdout, /\n0 changed \(/);
  });

  it("is named where the state is broken and has no back-up", async () => {
    for (const kind of ["history", "backups", "stacks"])
      rmSync(join(project.root, "pulumi-state/.pulumi", kind), { recursive: true, force: true });
    mkdirSync(join(stateFile(), ".."), { recursive: true });
    writeFileSync(stateFile(), "");
    const { exitCode, output } = await dev("start");
    assert.equal(exitCode, 1, output);
    assert.match(
      output,
      /The state .*dev\.json is broken: it is empty, without a back-up\. Found 5 things .*npm run recover -- --stack dev$/,
    );
    assert.equal(readFileSync(stateFile(), "utf8"), "");
    succeeds(await dev("recover"));
    assert.match(succeeds(await dev("start")).stdout, /\n0 changed \(/);
  });

  it("leaves a stack that can be destroyed", async () => {
    succeeds(await dev("destroy"));
    assert.equal(await project.docker("ps", "--all", "--quiet"), "");
    assert.equal(await project.docker("volume", "ls", "--quiet"), "");
    assert.doesNotMatch(
      await project.docker("image", "ls", "--format={{.Repository}}"),
      /localhost:1|cuda-base|app/,
    );
  });
});
