import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { mountsBelow } from "../../sandbox/engine-leftovers.ts";
import { Project } from "../integration/project.ts";
import { BackgroundRun } from "./background-run.ts";
import { Random } from "./random.ts";
import { WatchedJson } from "./watched-file.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";
/** A key of somebody else in daemon.json: it must be there at every moment. */
const foreign = { "max-concurrent-downloads": 5 };

/** What is killed: an `up` with much or little to do, a `destroy`. */
const kinds = ["up from nothing", "up after changes", "destroy"] as const;
type Kind = (typeof kinds)[number];

/** Kills runs at random moments over their usual time, each followed by one `npm start` that must make all good. */
export function describeKills(count: number): void {
  describe("a run that is killed anywhere", function () {
    this.timeout(10 * 60_000);
    const random = new Random();
    let project: Project;
    let watched: WatchedJson;
    let files: string[];
    /** daemon.json without us. */
    let base: string;
    let version = 0;
    /** Milliseconds that each kind takes when it is left alone. */
    const usual: Record<Kind, number> = { "up from nothing": 0, "up after changes": 0, destroy: 0 };

    before(async () => {
      project = new Project({ services: { app: { context: "app" } } });
      project.write(
        "app/Dockerfile",
        "FROM cuda-base:runtime-12.6\nCOPY version /version\nRUN cat /version\n",
      );
      project.env["TMPDIR"] = join(project.root, "tmp");
      mkdirSync(project.env["TMPDIR"]);
      nextVersion();
      await project.variables();
      const file = join(project.root, ".sandbox", "daemon.json");
      const mirrors = JSON.parse(project.read(".sandbox/daemon.json")) as object;
      base = JSON.stringify({ ...mirrors, ...foreign });
      writeFileSync(file, base);
      const isWhole = (content: unknown) =>
        (content as typeof foreign)["max-concurrent-downloads"] === foreign["max-concurrent-downloads"];
      watched = new WatchedJson(file, isWhole);
      usual["up from nothing"] = await milliseconds(project.start());
      usual.destroy = await milliseconds(succeeds("destroy"));
      await project.start();
      await prepare("up after changes");
      usual["up after changes"] = await milliseconds(project.start());
      files = fileNames();
    });
    after(async () => {
      watched?.end();
      await project.remove();
    });

    async function succeeds(command: string): Promise<string> {
      const { exitCode, output } = await project.run(command);
      assert.equal(exitCode, 0, output);
      return output;
    }

    /** A change of the service's code: the next run has to build. */
    function nextVersion(): void {
      version += 1;
      project.write("app/version", `${version}\n`);
    }

    /** What the run to be killed shall find. */
    async function prepare(kind: Kind): Promise<void> {
      if (kind === "up from nothing") await succeeds("destroy");
      if (kind === "destroy") return;
      nextVersion();
      if (kind === "up from nothing") return;
      await project.docker("rm", "--force", cacheName);
      writeFileSync(join(project.root, ".sandbox", "daemon.json"), base);
    }

    /** Names of all files of the sandbox but those that the engine, the upstream, buildx and Pulumi's history add to. */
    function fileNames(): string[] {
      return readdirSync(join(project.root, ".sandbox"), { recursive: true, encoding: "utf8" })
        .filter((path) => !/^(docker|upstream\/storage|pulumi\/\.pulumi\/(history|backups))\//.test(path))
        .filter((path) => !/^(state\/daemon\/backups|docker-config\/buildx\/refs)\//.test(path))
        .filter((path) => !/^state\/engines\/[^/]+\.builds\/[^/]+\.json$/.test(path)) // one for each version
        .sort();
    }

    for (let index = 0; index < count; index += 1) {
      it(`converges with the next start (GBH_SEED=${random.seed}, ${index + 1} of ${count})`, async () => {
        const kind = kinds[index % kinds.length]!;
        const share = random.next();
        await prepare(kind);
        const run = new BackgroundRun(project, kind === "destroy" ? "destroy" : "start");
        const moment = Math.round(share * usual[kind]);
        await Promise.race([sleep(moment), run.ended]);
        await run.kill();
        console.log(`        ${kind}, killed after ${moment} of about ${usual[kind]} ms`);
        const output = await succeeds("start");
        assert.match(await succeeds("start"), /\n0 changed \(/, `after:\n${output}`);

        assert.deepEqual(run.processes(), [], "processes of the run are left");
        assert.equal(await project.docker("ps", "--all", "--format={{.Names}}"), cacheName);
        assert.equal(await project.docker("volume", "ls", "--format={{.Name}}"), cacheName);
        const seen = ["run", "--rm", "--network=none", "--entrypoint=cat", "app:cu126", "/version"];
        assert.equal(await project.docker(...seen), String(version));
        assert.deepEqual(readdirSync(project.env["TMPDIR"]!), [], "temporary files are left");
        assert.deepEqual(fileNames(), files);
        assert.deepEqual(mountsBelow([project.root]), []);
        assert.deepEqual(watched.faults, [], "daemon.json was not whole");
      });
    }

    it("never showed a daemon.json that was not whole", () => {
      console.log(`        ${watched.looks} looks`);
      assert.ok(watched.looks > 100);
      assert.deepEqual(watched.faults, []);
    });
  });
}

async function milliseconds(work: Promise<unknown>): Promise<number> {
  const start = Date.now();
  await work;
  return Date.now() - start;
}
