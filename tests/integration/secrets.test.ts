import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { startTestProxy, type TestProxy } from "../proxy/test-proxy.ts";
import { Canaries, isThere } from "../secrets/canaries.ts";
import { Project, smallBase, type CommandResult } from "./project.ts";

/** One random word for every place where a user can give a secret; afterwards none of them may be found anywhere. */
describe("secrets", function () {
  this.timeout(15 * 60_000);
  const canaries = new Canaries();
  /** Printed by commands of the user's own: the engine keeps what they print, our words must not repeat it. */
  const spoken = "a secret that its own RUN prints";
  let project: Project;
  let proxy: TestProxy;
  const since = Math.floor(Date.now() / 1000);

  before(async () => {
    const login = `me:${canaries.plant("proxy.http, by env")}`;
    // Another user's name for the same password would do; so two proxies, each with its login.
    proxy = await startTestProxy();
    project = new Project();
    const certificate = await selfSigned();
    canaries.plant("build.caBundle, in a certificate", certificate.split("\n")[2]);
    const comment = `# ${canaries.plant("build.caBundle, in a comment")}\n`;
    const httpsLogin = `me:${canaries.plant("proxy.https, by file")}`;
    mkdirSync(join(project.root, "tmp"));
    Object.assign(project.env, {
      TMPDIR: join(project.root, "tmp"), // so that what is left there is searched with the rest
      GBH_TEST_TOKEN: canaries.plant("service secret, by env"),
      GBH_TEST_SPOKEN: canaries.plant(spoken),
      GBH_TEST_INDEX: `https://me:${canaries.plant("cudaBase.packageIndexSecret")}@index.test/simple`,
      GBH_TEST_PROXY: `http://${login}@127.0.0.1:${proxy.port}`,
    });
    const file = canaries.file("key", `${canaries.plant("service secret, by file")}\n`);
    const settings = {
      sandbox: true,
      cudaBase: { cuda: "12.6", image: smallBase, packageIndexSecret: { env: "GBH_TEST_INDEX" } },
      build: { caBundle: canaries.file("ca.pem", comment + certificate) },
      proxy: {
        http: { env: "GBH_TEST_PROXY" },
        https: { file: canaries.file("proxy", `http://${httpsLogin}@127.0.0.1:${proxy.port}`) },
      },
      services: {
        app: {
          context: "services/app",
          secrets: { token: { env: "GBH_TEST_TOKEN" }, key: { file }, spoken: { env: "GBH_TEST_SPOKEN" } },
          smokeTest: { command: ["sh", "-c", "if test -f /leak; then cat /leak; exit 1; fi"] },
        },
      },
    };
    project.configure("sandbox", settings);
    const runtime = project.read("cuda-base/Dockerfile.runtime");
    project.write(
      "cuda-base/Dockerfile.runtime",
      `${runtime}RUN --mount=type=secret,id=ca --mount=type=secret,id=package-index grep -q index.test /run/secrets/package-index && grep -q CERT /run/secrets/ca\n`,
    );
    writeService("test -s /run/secrets/key");
  });
  after(async () => {
    await project?.remove();
    await proxy?.stop();
    canaries.remove();
  });

  function writeService(step: string): void {
    const mounts = ["token", "key", "spoken", "ca"].map((id) => `--mount=type=secret,id=${id}`).join(" ");
    project.write(
      "services/app/Dockerfile",
      `FROM cuda-base:runtime-12.6\nRUN ${mounts} test -s /run/secrets/token && test -n "$HTTP_PROXY" && ${step}\n`,
    );
  }

  /** Runs something and looks into what it printed. */
  async function run(
    name: string,
    command: Promise<CommandResult>,
    exits: "well" | "badly" = "well",
  ): Promise<string> {
    const { exitCode, output } = await command;
    assert.equal(exitCode === 0, exits === "well", `${name}:\n${output.slice(-3000)}`);
    canaries.text("outputs", output);
    return output;
  }

  const layout = () => sandboxLayout(join(project.root, ".sandbox"));

  /** Looks at everything that is on the disk and on the engine now. */
  async function searchEverywhere(): Promise<void> {
    const env = { ...project.env, ...(await project.variables()) };
    for (const args of [
      ["stack", "export"],
      ["stack", "export", "--show-secrets"],
      ["stack", "history", "--json"],
      ["config", "--show-secrets"],
    ])
      await run(args.join(" "), project.pulumi([...args, "--stack", "sandbox"]));
    await canaries.tree("files of project, state and engine", project.root);
    await canaries.tree("files in /run", layout().runDir);
    const list = async (...args: string[]) => (await project.docker(...args)).split("\n").filter(Boolean);
    for (const id of await list("ps", "--all", "--quiet")) {
      canaries.text("containers", await project.docker("inspect", id));
      await canaries.stream("logs of containers", `docker logs ${id} 2>&1`, env);
    }
    for (const id of new Set(await list("image", "ls", "--all", "--quiet"))) {
      canaries.text("images", await project.docker("inspect", id));
      canaries.text("histories of images", await project.docker("history", "--no-trunc", id));
      await canaries.stream("layers of images", `docker save ${id}`, env);
    }
    canaries.text("engine's own words", await project.docker("info"));
    const now = String(Math.floor(Date.now() / 1000));
    canaries.text("events", await project.docker("events", "--since", String(since), "--until", now));
  }

  it("can be found where they are: the search sees what is planted", async () => {
    const control = new Canaries();
    const word = control.plant("control");
    const folder = join(project.root, "tmp", "control");
    mkdirSync(folder);
    project.write("tmp/control/plain", `x${word}x`);
    for (const before of ["", "a", "ab"])
      project.write(`tmp/control/base64${before}`, Buffer.from(`${before}${word}:more`).toString("base64"));
    await control.tree("files", folder);
    await control.stream("stream", `cat ${folder}/plain`, {});
    const stop = control.watchProcesses();
    await execa("sh", ["-c", "sleep 1; true", word], { env: { CONTROL: word } });
    assert.deepEqual([...stop().get("control")!].sort(), ["sh", "sleep"]);
    await execa("rm", ["-r", folder]);
    control.remove();
    const places = control.sightings.map(({ place }) => place.replace(`${folder}/`, "")).sort();
    assert.deepEqual(places, [
      `arguments of sh -c sleep 1; true ${word} `,
      "files: base64",
      "files: base64a",
      "files: base64ab",
      "files: plain",
      "stream",
    ]);
  });

  it("need no passphrase but the empty one: a missing and a wrong one are told in one line, with nothing declared", async () => {
    const { PULUMI_CONFIG_PASSPHRASE: _, ...variables } = await project.variables();
    const state = join(project.root, "dev-state");
    mkdirSync(state);
    const engine = { host: variables["DOCKER_HOST"], network: "host" };
    project.configure("dev", { engine, stateDir: state, cudaBase: { cuda: "12.6", image: smallBase } });
    const backend = { ...variables, PULUMI_BACKEND_URL: `file://${state}` };
    const start = (passphrase?: string) =>
      project.exec(
        "node",
        [join(project.root, "bootstrap", "run.mjs"), "start", "--stack", "dev", "--built-toolchain"],
        { ...backend, ...(passphrase !== undefined && { PULUMI_CONFIG_PASSPHRASE: passphrase }) },
      );
    for (const passphrase of [undefined, "wr0ng-passphrase"]) {
      const { exitCode, output } = await start(passphrase);
      assert.notEqual(exitCode, 0);
      assert.equal(output.trim().split("\n").length, 1, output);
      assert.match(
        output,
        /^PULUMI_CONFIG_PASSPHRASE (is not set|does not fit this stack)\. .*PULUMI_CONFIG_PASSPHRASE=""$/m,
      );
      assert.doesNotMatch(output, /wr0ng/);
    }
    assert.ok(!isThere(join(state, ".pulumi/stacks/gpu-build-host/dev.json")));
  });

  it("are nowhere after runs that succeed and runs that fail, nor while they run", async () => {
    const stop = canaries.watchProcesses();
    const up = (...flags: string[]) =>
      project.pulumi(["up", "--stack", "sandbox", "--yes", "--skip-preview", ...flags]);
    await run("npm start", project.run("start", "--json"));
    await run("preview", project.pulumi(["preview", "--stack", "sandbox", "--diff", "--show-config"]));
    await run("npm run env", project.run("env"));
    await searchEverywhere();

    writeService("test -s /run/secrets/key && test -s /run/secrets/ca # verbose");
    await run("up, verbose", up("--logtostderr", "--logflow", "-v=9"));

    writeService("cat /run/secrets/key >/dev/null && cat /run/secrets/spoken >&2 && exit 3");
    for (const command of [() => project.run("start"), () => up("--logtostderr", "-v=9")]) {
      const output = await run("a failing build", command(), "badly");
      assert.match(output, /\n? *\*\*\*\n/, "the line that the command printed is there, without its value");
    }
    writeService("cp /run/secrets/spoken /leak");
    const output = await run("a failing smoke test", project.run("start"), "badly");
    assert.match(output, /the smoke test of image "app" failed with exit code 1/);
    assert.match(output, /\*\*\*/);

    // The whole line of a command of @pulumi/command is printed when it fails; what it is given stands in the state.
    writeService("test -s /run/secrets/key");
    project.write("components/probe-mirror.sh", "exit 4\n");
    for (const command of [() => project.run("start"), () => up("-v=9", "--logtostderr")])
      assert.match(await run("a failing command", command(), "badly"), /running "sh -s"/);
    const environments = stop();
    for (const [canary, programs] of environments)
      console.log(`      in the environment of ${[...programs].sort().join(", ")}: ${canary}`);
    for (const programs of environments.values())
      assert.deepEqual(
        [...programs].filter((name) => /dockerd|containerd|runc/.test(name)),
        [],
      );
    assert.equal(environments.get("service secret, by file"), undefined);
    await searchEverywhere();
    await run("destroy", project.run("destroy"));
    assert.ok(!isThere(join(project.root, ".sandbox/state/sandbox/secrets")));
    await canaries.tree("files of project, state and engine", project.root);
    const found = canaries.sightings.filter(({ canary, place }) => !isAllowed(canary, place));
    console.log(
      `      ${canaries.summary()} ${found.length}, beside ${canaries.sightings.length - found.length} of:`,
    );
    console.log(
      "      a word that its own RUN prints in the engine's folder; proxies in the one file of the cache",
    );
    assert.deepEqual(found, []);
  });

  /** What the user's own command prints or writes into a layer is kept by the engine; the cache's proxies have their one file. */
  function isAllowed(canary: string, place: string): boolean {
    if (place.includes("/.sandbox/state/sandbox/secrets/docker.io/proxy-"))
      return canary.startsWith("proxy.");
    return canary === spoken && (place.includes(`${layout().dataRoot}/`) || place === "layers of images");
  }
});

async function selfSigned(): Promise<string> {
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  return (await execa("openssl", [...args, "-keyout", "/dev/null", "-subj", "/CN=test"])).stdout;
}
