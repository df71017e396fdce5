import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { SandboxFacts } from "../../lib/settings/sandbox-facts.ts";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { Certificates } from "../registry/certificates.ts";
import { startWithOwnEtcDocker, type EtcDocker } from "./etc-docker.ts";
import { listeningSockets } from "./listening-sockets.ts";
import { LoginUpstream } from "./login-upstream.ts";
import { Project, smallBase, type CommandResult } from "./project.ts";
import { everyProcess, everythingBelow, filesBelow } from "./search.ts";

const cacheName = "gpu-build-host-a-registry-cache";

describe("registry cache", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  let facts: SandboxFacts;
  let upstream: LoginUpstream;
  let etcDocker: EtcDocker;
  const canary = () => `canary-${randomBytes(12).toString("hex")}`;
  const stateDir = () => join(project.root, "state");
  const secretFile = () => join(project.root, "password");
  const loginFile = () => join(stateDir(), "registry-cache", cacheName, "login.json");

  before(async () => {
    project = new Project();
    etcDocker = await startWithOwnEtcDocker(project);
    facts = JSON.parse(project.read(".sandbox/facts.json")) as SandboxFacts;
    upstream = new LoginUpstream(facts.upstream, canary());
    await upstream.start();
    writeFileSync(secretFile(), `${upstream.password}\n`);
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo app > /app\n");
    mkdirSync(join(project.root, "backend"));
    configure();
    const { exitCode, output } = await pulumi("stack", "init", "a");
    assert.equal(exitCode, 0, output);
  });
  after(async () => {
    await project.remove();
    await upstream.stop();
    etcDocker.restore();
  });

  function configure(cache: Record<string, unknown> = {}): void {
    project.configure("a", {
      engine: { host: facts.dockerHost, network: "host" },
      registryCache: {
        port: facts.ports.cache,
        upstream: upstream.url,
        login: { username: "me", password: { file: secretFile() } },
        ...cache,
      },
      cudaBase: { cuda: "12.6", image: smallBase },
      services: { app: { context: "services/app" } },
      stateDir: stateDir(),
    });
  }

  const backend = () => ({
    PULUMI_BACKEND_URL: `file://${join(project.root, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "",
  });
  const pulumi = (...args: string[]) => project.pulumi(args, backend());
  const up = () => pulumi("up", "--stack", "a", "--yes", "--skip-preview");
  async function upSucceeds(): Promise<CommandResult> {
    const result = await up();
    assert.equal(result.exitCode, 0, result.output);
    return result;
  }
  const inspect = async (format: string) => project.docker("inspect", `--format=${format}`, cacheName);
  async function processStatus(): Promise<string> {
    return readFileSync(`/proc/${await inspect("{{.State.Pid}}")}/status`, "utf8");
  }
  function sockets(): string[] {
    const { root, runDir } = sandboxLayout(join(project.root, ".sandbox"));
    const found = listeningSockets([root, runDir]);
    assert.ok(found.length >= 2, "cache and upstream listen at least");
    return found
      .filter(({ address }) => address !== "::1" && !address.startsWith("127."))
      .map(({ protocol, address, port, program }) => `${protocol} ${address} ${port} ${program}`);
  }

  it("logs in at its upstream by a helper, and the password is nowhere else", async () => {
    const { output } = await upSucceeds();
    assert.ok(upstream.logins.length > 0 && upstream.logins.every((name) => name === "me"));
    const { output: exported } = await pulumi("stack", "export", "--stack", "a", "--show-secrets");
    const secret = upstream.password;
    const places: Record<string, string> = {
      output,
      state: exported,
      inspect: await project.docker("inspect", cacheName),
      log: (await project.exec("docker", ["logs", cacheName], await project.variables())).output,
      "command lines": everyProcess("cmdline"),
      environments: everyProcess("environ"),
    };
    for (const [place, text] of Object.entries(places)) {
      assert.ok(text.length > 0 && !text.includes(secret), `the password is in ${place}`);
      assert.ok(!text.includes(Buffer.from(`me:${secret}`).toString("base64")), `in ${place}, encoded`);
    }
    const holding = filesBelow(project.root).filter((file) => readFileSync(file).includes(secret));
    assert.deepEqual(holding.sort(), [secretFile(), loginFile()].sort());
    const { mode, uid } = statSync(loginFile());
    assert.deepEqual([(mode & 0o777).toString(8), uid], ["400", 65534]);
    assert.deepEqual(await project.preview("a", backend()), []);
  });

  it("takes a new password without a restart", async () => {
    upstream.password = canary();
    upstream.forgetTokens();
    writeFileSync(secretFile(), upstream.password);
    const started = await inspect("{{.State.StartedAt}}");
    assert.deepEqual(await project.preview("a", backend()), [
      { op: "update", name: "registry-cache-secrets" },
    ]);
    await upSucceeds();
    assert.ok(readFileSync(loginFile(), "utf8").includes(upstream.password));
    const before = upstream.logins.length;
    // The tag is asked of the upstream each time, so the cache has to log in again.
    await project.docker("pull", "--quiet", `127.0.0.1:${facts.ports.cache}/library/registry:3.1.1`);
    assert.ok(upstream.logins.length > before);
    assert.equal(await inspect("{{.State.StartedAt}}"), started);
  });

  for (const [what, content, reason] of [
    ["empty", "\n", /which is empty/],
    ["gone", undefined, /which does not exist/],
  ] as const) {
    it(`refuses a password that is ${what} before anything is changed`, async () => {
      const file = join(project.root, "other-password");
      rmSync(file, { force: true });
      if (content !== undefined) writeFileSync(file, content);
      configure({ login: { username: "me", password: { file } } });
      const { exitCode, output } = await up();
      assert.notEqual(exitCode, 0);
      assert.match(output, reason);
      assert.match(output, /registryCache\.login\.password comes from the file/);
      assert.doesNotMatch(output, /created|updated|deleted/);
      assert.ok(readFileSync(loginFile(), "utf8").includes(upstream.password));
      configure();
    });
  }

  it("runs without rights: read-only, no capability, own user, limits, no Docker socket", async () => {
    const host = JSON.parse(await inspect("{{json .HostConfig}}")) as Record<string, unknown>;
    assert.equal(host["ReadonlyRootfs"], true);
    assert.deepEqual(host["CapDrop"], ["ALL"]);
    assert.ok(!host["Privileged"]);
    assert.deepEqual(host["SecurityOpt"], ["no-new-privileges"]);
    assert.equal(host["Memory"], 512 * 1024 ** 2);
    assert.equal(host["MemorySwap"], 512 * 1024 ** 2);
    assert.equal(host["PidsLimit"], 512);
    assert.deepEqual(host["LogConfig"], {
      Type: "json-file",
      Config: { "max-file": "3", "max-size": "10m" },
    });
    assert.doesNotMatch(await inspect("{{json .Mounts}}"), /docker\.sock/);
    const status = await processStatus();
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"])
      assert.match(status, new RegExp(`${set}:\\s0+\n`));
    assert.match(status, /NoNewPrivs:\s1\n/);
    assert.match(status, /Uid:(\s65534){4}\n/);
    assert.match(status, /Gid:(\s65534){4}\n/);
    assert.match(status, /Name:\sregistry\n/);
  });

  it("leaves no socket of the whole stack beyond loopback", () => {
    assert.deepEqual(sockets(), []);
  });

  it("writes files and folders below stateDir that only their owner may enter or read", () => {
    const open = [stateDir(), ...everythingBelow(stateDir())].filter((path) => statSync(path).mode & 0o077);
    assert.deepEqual(open, []);
    assert.ok(everythingBelow(stateDir()).length > 5);
  });

  describe("with TLS", () => {
    let certificates: Certificates;
    const bind =
      Object.values(networkInterfaces())
        .flat()
        .find((address) => address?.family === "IPv4" && !address.internal)?.address ?? "127.0.0.2";
    const url = () => `https://${bind}:${facts.ports.cache}/v2/`;
    const tls = () => ({
      certificate: certificates.path("cache.pem"),
      key: certificates.path("cache.key"),
      ca: certificates.path("ca.pem"),
      clientCa: certificates.path("ca.pem"),
      clientCertificate: certificates.path("client.pem"),
      clientKey: certificates.path("client.key"),
    });
    const curl = (...args: string[]) => project.exec("curl", ["--silent", "--show-error", ...args, url()]);

    before(() => {
      certificates = new Certificates(join(project.root, "certificates"));
      certificates.selfSigned("ca");
      certificates.signed("cache", "ca", bind);
      certificates.signed("client", "ca");
      certificates.selfSigned("stranger");
      configure({ bind, tls: tls() });
    });

    it("is reached by this host's engine, which was given the certificates", async () => {
      await upSucceeds();
      assert.match(
        readFileSync(etcDocker.path(`certs.d/${bind}:${facts.ports.cache}/ca.crt`), "utf8"),
        /^# Written by gpu-build-host/,
      );
      assert.match(
        await project.docker("info", "--format={{json .RegistryConfig.Mirrors}}"),
        new RegExp(`https://${bind}`),
      );
      assert.deepEqual(await project.preview("a", backend()), []);
      const manifest = `${bind}:${facts.ports.cache}/library/registry:3.1.1`;
      await project.docker("pull", "--quiet", manifest);
      await project.docker("image", "rm", manifest);
    });

    it("builds on images that come through it", async () => {
      await project.docker("builder", "prune", "--all", "--force");
      project.write("services/app/Dockerfile", "FROM registry:3.1.1\nRUN echo again > /app\n");
      await upSucceeds();
    });

    it("listens on the wanted address only", () => {
      assert.deepEqual(sockets(), [`tcp ${bind} ${facts.ports.cache} registry`]);
    });

    it("lets in who has a certificate of the CA, nobody else", async () => {
      const ca = ["--cacert", certificates.path("ca.pem")];
      const as = (name: string) => [
        "--cert",
        certificates.path(`${name}.pem`),
        "--key",
        certificates.path(`${name}.key`),
      ];
      assert.equal((await curl(...ca, ...as("client"))).stdout, "{}");
      assert.notEqual((await curl(...as("client"))).exitCode, 0, "its certificate is not checked");
      const refused = [await curl(...ca), await curl(...ca, ...as("stranger"))];
      for (const { exitCode, stdout } of refused) assert.deepEqual([exitCode !== 0, stdout], [true, ""]);
    });

    it("starts again with a new certificate", async () => {
      const before = await inspect("{{.Id}}");
      certificates.signed("cache", "ca", bind);
      await upSucceeds();
      assert.notEqual(await inspect("{{.Id}}"), before);
      const { stdout } = await project.exec("sh", [
        "-c",
        `openssl s_client -connect ${bind}:${facts.ports.cache} </dev/null 2>/dev/null | openssl x509 -noout -serial`,
      ]);
      const wanted = execFileSync("openssl", [
        "x509",
        "-noout",
        "-serial",
        "-in",
        certificates.path("cache.pem"),
      ]);
      assert.equal(stdout.trim(), wanted.toString().trim());
    });

    it("shows a changed ca.crt of the engine as drift, and mends it", async () => {
      const folder = etcDocker.path(`certs.d/${bind}:${facts.ports.cache}`);
      const good = readFileSync(join(folder, "ca.crt"), "utf8");
      writeFileSync(join(folder, "ca.crt"), good.replace(/-----END/, "A\n-----END"));
      assert.deepEqual(await project.preview("a", backend()), [
        { op: "update", name: "registry-cache-engine" },
      ]);
      await upSucceeds();
      assert.equal(readFileSync(join(folder, "ca.crt"), "utf8"), good);
    });
  });

  describe("destroyed", () => {
    it("leaves nothing: no login, no key, no certificate", async () => {
      const result = await pulumi("destroy", "--stack", "a", "--yes", "--skip-preview");
      assert.equal(result.exitCode, 0, result.output);
      assert.ok(!existsSync(join(stateDir(), "registry-cache")));
      assert.deepEqual(
        filesBelow(stateDir()).filter((file) => readFileSync(file).includes(upstream.password)),
        [],
      );
      assert.deepEqual(readdirSync(etcDocker.path("certs.d")), []);
    });
  });
});
