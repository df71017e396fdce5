import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { engineContent } from "./machine.ts";
import { Project, smallBase, type CommandResult } from "./project.ts";

const cacheContainer = "localai_registry-cache";
const cacheVolume = "localai_registry-cache";
const basesOfTheGuide = ["cuda-base:runtime-12.6", "cuda-base:devel-12.6"];

describe("a host that was set up by the guide", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  let upstream: string;
  let port: number;
  let daemonJson: string;
  let content: string[];
  let images: string[];
  let running: string[];

  before(async () => {
    project = new Project();
    await project.variables(); // starts the engine; the stack "sandbox" itself stays empty
    const facts = JSON.parse(project.read(".sandbox/facts.json")) as { dockerHost: string; upstream: string };
    upstream = facts.upstream;
    port = await freePort();
    mkdirSync(join(project.root, "state"));
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo app > /app\n");
    configure(facts.dockerHost, {});
    assert.equal((await pulumi("stack", "init", "dev")).exitCode, 0);
    await setUpAsTheGuideSays();
    daemonJson = readFileSync(daemonFile(), "utf8");
    content = await engineContent(project);
    images = await baseIds();
    running = await runningContainers();
  });
  after(() => project.remove());

  function configure(host: string, cache: Record<string, unknown>, more: Record<string, unknown> = {}): void {
    project.configure("dev", {
      engine: { host, network: "host" },
      registryCache: { port, upstream, ...cache },
      cudaBase: { cuda: "12.6", image: smallBase },
      services: { app: { context: "services/app" } },
      stateDir: join(project.root, "state"),
      ...more,
    });
  }

  const daemonFile = () => join(project.root, ".sandbox", "daemon.json");
  const host = async () => (await project.variables())["DOCKER_HOST"] ?? "";
  const pulumi = (...args: string[]) =>
    project.pulumi(args, {
      PULUMI_BACKEND_URL: `file://${join(project.root, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "",
    });
  const up = () => pulumi("up", "--stack", "dev", "--yes", "--skip-preview");
  const destroy = () => pulumi("destroy", "--stack", "dev", "--yes", "--skip-preview");
  const baseIds = () =>
    Promise.all(basesOfTheGuide.map((name) => project.docker("image", "inspect", "--format={{.Id}}", name)));
  const runningContainers = async () =>
    (
      await project.docker(
        "ps",
        "--no-trunc",
        "--format={{.ID}} {{.Names}}",
        "--filter=label=com.docker.compose.project=localai",
      )
    )
      .split("\n")
      .sort();
  const blobs = () =>
    project.docker(
      "run",
      "--rm",
      "--network=none",
      "--entrypoint=find",
      `--volume=${cacheVolume}:/layers`,
      smallBase,
      "/layers/docker",
      "-name",
      "data",
      "-path",
      "*/blobs/sha256/*",
    );

  /** The guide's compose project: its cache with some layers, a service, its bases, its mirror. */
  async function setUpAsTheGuideSays(): Promise<void> {
    await project.docker("pull", "--quiet", smallBase);
    await project.docker("volume", "create", "--label=com.docker.compose.project=localai", cacheVolume);
    const labels = (service: string) => [
      "--label=com.docker.compose.project=localai",
      `--label=com.docker.compose.service=${service}`,
    ];
    // prettier-ignore
    await project.docker(
      "run", "--detach", `--name=${cacheContainer}`, ...labels("registry-cache"), "--network=host",
      `--env=REGISTRY_PROXY_REMOTEURL=${upstream}`, `--env=REGISTRY_HTTP_ADDR=127.0.0.1:${port}`,
      `--volume=${cacheVolume}:/var/lib/registry`, "--entrypoint=/bin/sh", smallBase, "-c",
      "printf 'version: 0.1\\nstorage:\\n  filesystem:\\n    rootdirectory: /var/lib/registry\\nhttp: {}\\n' > /tmp/c.yml && exec registry serve /tmp/c.yml",
    );
    await project.docker(
      "run",
      "--detach",
      "--name=localai-app-1",
      ...labels("app"),
      "--network=none",
      "--entrypoint=/bin/sh",
      smallBase,
      "-c",
      "sleep 100000",
    );
    for (const name of basesOfTheGuide) {
      project.write(
        `guide/${name.replace(":", "-")}/Dockerfile`,
        `FROM ${smallBase}\nRUN echo ${name} > /guide\n`,
      );
      await project.docker(
        "build",
        "--quiet",
        "--network=host",
        `--tag=${name}`,
        join(project.root, "guide", name.replace(":", "-")),
      );
    }
    const mirrors = [`http://localhost:${port}`, upstream];
    writeFileSync(daemonFile(), `{\n    "registry-mirrors": ${JSON.stringify(mirrors)}\n}\n`);
    const runFolder = dirname((await host()).replace("unix://", ""));
    process.kill(Number(readFileSync(join(runFolder, "docker.pid"), "utf8")), "SIGHUP");
    for (
      let tries = 0;
      !(await project.docker("info", "--format={{json .RegistryConfig.Mirrors}}")).includes("localhost");
      tries += 1
    ) {
      assert.ok(tries < 100, "the mirror of the guide was not taken");
      await sleep(50);
    }
    await project.docker("pull", "--quiet", smallBase);
  }

  async function fails(result: Promise<CommandResult>): Promise<string> {
    const { exitCode, output } = await result;
    assert.notEqual(exitCode, 0, output);
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/);
    return output;
  }

  async function isAsBefore(): Promise<void> {
    assert.equal(readFileSync(daemonFile(), "utf8"), daemonJson);
    assert.deepEqual(await engineContent(project), content);
    assert.deepEqual(await baseIds(), images);
  }

  it("is recognised in a preview: cache and bases, with the ways to go on, and nothing is touched", async () => {
    const output = await fails(pulumi("preview", "--stack", "dev"));
    assert.match(
      output,
      new RegExp(
        `Port ${port} is the one of a registry cache that no stack made: the container ${cacheContainer} of the compose project localai, its layers in the volume ${cacheVolume}\\. ` +
          `Fix: use it as it is: pulumi config set --stack dev --path gpu-build-host:registryCache\\.mode external; ` +
          `or take its layers over: docker stop ${cacheContainer}, then pulumi config set --stack dev --path gpu-build-host:registryCache\\.volume ${cacheVolume}`,
      ),
    );
    for (const name of basesOfTheGuide)
      assert.match(output, new RegExp(`the tag ${name} is on an image that no stack made .*adoptTags true`));
    await fails(up());
    await isAsBefore();
    assert.deepEqual(await runningContainers(), running);
  });

  it("goes on with the guide's cache as it is, and its mirror; destroy gives the tags back", async () => {
    configure(await host(), { mode: "external" }, { adoptTags: true });
    const { exitCode, output } = await up();
    assert.equal(exitCode, 0, output);
    assert.match(output, new RegExp(`pulls go through http://127\\.0\\.0\\.1:${port}`));
    assert.equal(readFileSync(daemonFile(), "utf8"), daemonJson, "the guide's entry is the one that we want");
    assert.notDeepEqual(await baseIds(), images);
    assert.deepEqual(await runningContainers(), running);
    const gone = await destroy();
    assert.equal(gone.exitCode, 0, gone.output);
    await isAsBefore();
    assert.deepEqual(await runningContainers(), running);
  });

  it("refuses to take over a volume that somebody writes into, or that is not there", async () => {
    configure(await host(), { port: await freePort(), volume: cacheVolume }, { adoptTags: true });
    assert.match(
      await fails(pulumi("preview", "--stack", "dev")),
      new RegExp(
        `The volume ${cacheVolume} \\(registryCache\\.volume\\) is in use by the container ${cacheContainer}\\. Fix: docker stop ${cacheContainer}`,
      ),
    );
    configure(await host(), { port: await freePort(), volume: "localai_nothing" }, { adoptTags: true });
    assert.match(
      await fails(pulumi("preview", "--stack", "dev")),
      /The volume localai_nothing \(registryCache\.volume\) is not there\. Fix: see docker volume ls/,
    );
    await isAsBefore();
  });

  it("takes layers, port and mirror over once the guide's cache is stopped by its owner, and leaves the volume", async () => {
    const layers = await blobs();
    assert.notEqual(layers, "");
    await project.docker("stop", cacheContainer);
    configure(await host(), { volume: cacheVolume }, { adoptTags: true });
    const { exitCode, output } = await up();
    assert.equal(exitCode, 0, output);
    assert.equal(readFileSync(daemonFile(), "utf8"), daemonJson);
    for (const layer of layers.split("\n")) assert.ok((await blobs()).includes(layer), layer);
    const gone = await destroy();
    assert.equal(gone.exitCode, 0, gone.output);
    await isAsBefore();
    for (const layer of layers.split("\n")) assert.ok((await blobs()).includes(layer), layer);
    await project.docker("start", cacheContainer);
    assert.deepEqual(await runningContainers(), running);
    await project.docker("rmi", smallBase).catch(() => undefined); // in use: only the question counts
    await project.docker("pull", "--quiet", smallBase);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
