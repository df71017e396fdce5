import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, unlinkSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Project, smallBase } from "../integration/project.ts";
import { blockUnder, document, repository } from "./markdown.ts";

const lines = blockUnder(
  document("README.md"),
  "A workstation in ten minutes",
  "bash",
  "pulumi stack init dev",
);

/** The steps of the README: a person's shell, with a home of its own, on the private engine of a test project. */
describe("A workstation by hand", function () {
  this.timeout(15 * 60_000);
  const home = mkdtempSync(join(tmpdir(), "gbh-home-"));
  let project: Project;
  let env: Record<string, string>;

  before(async () => {
    project = new Project();
    for (const file of [".gitignore", ".npmrc", "README.md"])
      cpSync(join(repository, file), join(project.root, file));
    const variables = await project.variables(); // starts the private engine that is the workstation's here
    env = personsEnvironment(variables, home);
    // What a person edits in Pulumi.dev.yaml; the salt is that of the committed file.
    project.configure("dev", {
      engine: { host: variables["DOCKER_HOST"], network: "host" },
      registryCache: { upstream: upstreamOf(project), port: await freePort() },
      cudaBase: { cuda: "12.6", image: smallBase },
      stateDir: join(home, "state"),
      services: { transcriber: { context: "services/transcriber" } },
    });
    project.write("services/transcriber/Dockerfile", "FROM cuda-base:runtime-12.6\nCOPY app.py /app.py\n");
    project.write("services/transcriber/app.py", "print(1)\n");
    unlinkSync(join(project.root, "node_modules")); // a link to the packages of this clone: a fresh clone has none
    await git("init", "--quiet");
    await git("add", "--all");
    await git(
      "-c",
      "user.name=test",
      "-c",
      "user.email=test@localhost",
      "commit",
      "--quiet",
      "--message=clone",
    );
  });
  after(async () => {
    await project.remove();
    rmSync(home, { recursive: true, force: true });
  });

  it("runs the README's lines from the packages to pulumi up", async () => {
    const result = await project.exec("bash", ["-euo", "pipefail", "-c", lines], env);
    assert.equal(result.exitCode, 0, result.output);
    assert.match(result.output, /Created stack 'dev'/);
    assert.match(result.output, /\+ \d+ to create/, "preview lists everything before up makes it");
    assert.match(result.output, /registryCacheUrl *: "http:\/\/127\.0\.0\.1:\d+"/);
    assert.equal(
      await project.docker(
        "run",
        "--rm",
        "--network=none",
        "--entrypoint=cat",
        "transcriber:cu126",
        "/app.py",
      ),
      "print(1)",
    );
  });

  it("leaves the clone as git has it, but for the lock of external images", async () => {
    assert.equal(await git("status", "--porcelain"), "?? images.lock.yaml");
  });

  it("has nothing left to do afterwards", async () => {
    const result = await asPerson("pulumi", "preview", "-s", "dev", "--expect-no-changes");
    assert.equal(result.exitCode, 0, result.output);
  });

  it("is the stack that npm start converges too", async () => {
    const result = await asPerson("npm", "start", "--silent", "--", "--stack", "dev");
    assert.equal(result.exitCode, 0, result.output);
    assert.match(result.stdout, /\n0 changed \(/);
  });

  it("goes away again with pulumi destroy", async () => {
    const before = readFileSync(join(project.root, "Pulumi.dev.yaml"));
    const result = await asPerson("pulumi", "destroy", "-s", "dev");
    assert.equal(result.exitCode, 0, result.output);
    assert.equal(await project.docker("ps", "--all", "--quiet"), "");
    assert.equal(await project.docker("images", "--quiet", "transcriber"), "");
    assert.deepEqual(readFileSync(join(project.root, "Pulumi.dev.yaml")), before);
  });

  it("finds the committed stack files as Pulumi would write them", async () => {
    const folder = mkdtempSync(join(home, "stack-files-"));
    for (const name of ["Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.sandbox.yaml"])
      cpSync(join(repository, name), join(folder, name));
    for (const stack of ["dev", "sandbox"]) {
      const state = join(folder, `state-${stack}`);
      mkdirSync(state);
      const result = await project.exec("pulumi", ["stack", "init", stack, "--cwd", folder], {
        ...env,
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: "",
      });
      assert.equal(result.exitCode, 0, result.output);
      const file = `Pulumi.${stack}.yaml`;
      assert.equal(readFileSync(join(folder, file), "utf8"), document(file));
    }
  });

  /** One command in a new shell, as after the README's lines: the passphrase is set, the login is remembered. */
  function asPerson(program: string, ...args: string[]) {
    return project.exec(program, args, { ...env, PULUMI_CONFIG_PASSPHRASE: "" });
  }

  async function git(...args: string[]): Promise<string> {
    const result = await project.exec("git", args);
    assert.equal(result.exitCode, 0, result.output);
    return result.stdout.trim();
  }
});

/** Programs of the sandbox on PATH, nothing of its Pulumi state; what a person would be asked is answered with yes. */
function personsEnvironment(variables: Record<string, string>, home: string): Record<string, string> {
  const { PULUMI_BACKEND_URL: _backend, PULUMI_CONFIG_PASSPHRASE: _passphrase, ...rest } = variables;
  return {
    ...rest,
    HOME: home,
    PULUMI_CREDENTIALS_PATH: join(home, ".pulumi"), // the tool chain's own folder is shared with other tests
    PULUMI_SKIP_CONFIRMATIONS: "true",
    npm_config_cache: process.env["npm_config_cache"] ?? join(process.env["HOME"] ?? home, ".npm"), // downloads only
  };
}

function upstreamOf(project: Project): string {
  return (JSON.parse(project.read(".sandbox/facts.json")) as { upstream: string }).upstream;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
