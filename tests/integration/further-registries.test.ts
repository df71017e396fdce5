import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startWithOwnEtcDocker, type EtcDocker } from "./etc-docker.ts";
import { Project, smallBase } from "./project.ts";

interface Facts {
  dockerHost: string;
  upstream: string;
  ports: { cache: number; cacheMetrics: number };
}

const nvidiaName = "gpu-build-host-sandbox-registry-cache-nvcr.io";

for (const release of ["testing", "trixie"] as const) {
  describe(`registryCache.registries on Debian ${release}'s engine`, function () {
    this.timeout(10 * 60_000);
    let project: Project;
    let upstream: string;
    let etcDocker: EtcDocker;
    const port = 29_017;

    before(async () => {
      project = new Project({}, { release });
      etcDocker = await startWithOwnEtcDocker(project);
      upstream = (JSON.parse(project.read(".sandbox/facts.json")) as Facts).upstream;
      project.write("services/app/Dockerfile", "FROM nvcr.io/library/registry:3.1.1\nRUN echo app > /app\n");
      project.configure("sandbox", {
        sandbox: true,
        cudaBase: { cuda: "12.6", image: smallBase },
        registryCache: { registries: { "nvcr.io": { port, upstream } } },
        services: { app: { context: "services/app" } },
      });
    });
    after(async () => {
      await project.remove();
      etcDocker.restore();
    });

    const engineFile = (path: string) => etcDocker.path(`certs.d/${path}`);
    const cacheLog = async () =>
      (await project.exec("docker", ["logs", nvidiaName], await project.variables())).output;

    if (release === "trixie") {
      it("is refused before anything is declared: that engine reads no hosts.toml", async () => {
        const { exitCode, output } = await project.run("start");
        assert.notEqual(exitCode, 0);
        assert.match(
          output,
          /registryCache\.registries needs Engine 28; this one is 26\.\S+: it reads no hosts\.toml, so it would never ask a cache of nvcr\.io\. Fix: Upgrade the engine, or take registries out/,
        );
        assert.equal(await project.docker("ps", "--all", "--quiet"), "");
        assert.ok(!existsSync(engineFile("nvcr.io")));
      });
      return;
    }

    it("builds on an image of that registry, through its own cache", async () => {
      const { images } = await project.start();
      assert.equal(images.find(({ name }) => name === "app")?.result, "built");
      assert.match(await cacheLog(), /"(GET|HEAD) \/v2\/library\/registry\/manifests\/sha256:/);
      assert.deepEqual(await project.preview(), []);
    });

    it("sends plain docker build there as well, by hosts.toml", async () => {
      assert.equal(
        readFileSync(engineFile("nvcr.io/hosts.toml"), "utf8"),
        `# Written by gpu-build-host for the stack "sandbox"; removed with it.
server = "https://nvcr.io"

[host."http://127.0.0.1:${port}"]
  capabilities = ["pull", "resolve"]
  dial_timeout = "2s"
`,
      );
      project.write("by-hand/Dockerfile", "FROM nvcr.io/library/registry:3.1.1\nRUN echo by hand\n");
      await project.docker("build", "--network", "host", "--tag", "by-hand", join(project.root, "by-hand"));
      await project.docker("image", "rm", "by-hand");
      assert.match(await cacheLog(), /manifests\/3\.1\.1\?ns=nvcr\.io/);
    });

    it("shows a hosts.toml that was changed as drift, and mends it", async () => {
      const file = engineFile("nvcr.io/hosts.toml");
      const good = readFileSync(file, "utf8");
      writeFileSync(file, good.replace("2s", "20s"));
      assert.deepEqual(await project.preview(), [{ op: "update", name: "registry-cache-nvcr.io-engine" }]);
      await project.start();
      assert.equal(readFileSync(file, "utf8"), good);
    });

    it("stops at a hosts.toml of somebody else's, and leaves it", async () => {
      const file = engineFile("nvcr.io/hosts.toml");
      const good = readFileSync(file, "utf8");
      const foreign = '[host."https://mirror.example"]\n';
      writeFileSync(file, foreign);
      const { exitCode, output } = await project.run("start");
      assert.notEqual(exitCode, 0);
      assert.match(output, /certs\.d\/nvcr\.io\/hosts\.toml is not ours and is left as it is; it begins: /);
      assert.equal(readFileSync(file, "utf8"), foreign);
      writeFileSync(file, good);
    });

    it("leaves nothing on the engine", async () => {
      const result = await project.run("destroy");
      assert.equal(result.exitCode, 0, result.output);
    });
  });
}
