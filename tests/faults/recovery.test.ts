import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { sandboxLayout } from "../../sandbox/layout.ts";
import { removeLeftovers } from "../../sandbox/engine-leftovers.ts";
import { Project, type Summary } from "../integration/project.ts";

const cacheName = "gpu-build-host-sandbox-registry-cache";

interface State {
  checkpoint: { latest: { resources: { urn: string; type: string }[]; pending_operations?: unknown[] } };
}

describe("recovery by one npm start", function () {
  this.timeout(10 * 60_000);
  let project: Project;
  const states = () => join(project.root, ".sandbox", "pulumi", ".pulumi", "stacks", "gpu-build-host");
  const stateFile = () => join(states(), "sandbox.json");
  const readState = () => JSON.parse(readFileSync(stateFile(), "utf8")) as State;
  const daemonJson = () => readFileSync(join(project.root, ".sandbox", "daemon.json"), "utf8");
  const imageIds = async () =>
    (await project.docker("image", "ls", "--no-trunc", "--format={{.Repository}}:{{.Tag}} {{.ID}}"))
      .split("\n")
      .filter(Boolean)
      .sort();
  const volumeAge = () => project.docker("volume", "inspect", "--format={{.CreatedAt}}", cacheName);

  before(async () => {
    project = new Project({ services: { app: { context: "services/app" } } });
    project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo app > /app\n");
    await project.start();
  });
  after(() => project.remove());

  /** One start, of which the person reads this, and after which nothing is left to do. */
  async function recovers(words: RegExp | undefined): Promise<Summary> {
    const { exitCode, output, stdout } = await project.run("start", "--json");
    assert.equal(exitCode, 0, output);
    if (words) assert.match(output, words);
    const summary = JSON.parse(stdout) as Summary;
    if (summary.changed.length > 0) assert.deepEqual((await project.start()).changed, []);
    assert.deepEqual(readState().checkpoint.latest.pending_operations ?? [], []);
    assert.equal(await project.docker("ps", "--format={{.Names}}"), cacheName);
    return summary;
  }

  it("removes the lock of a process that is gone, and forgets what it had begun", async () => {
    const { pid } = spawnSync("true");
    const locks = join(project.root, ".sandbox/pulumi/.pulumi/locks/organization/gpu-build-host/sandbox");
    mkdirSync(locks, { recursive: true });
    const lock = { pid, hostname: hostname(), username: "root", timestamp: new Date().toISOString() };
    writeFileSync(join(locks, "8f1b6a0e-0000-4000-8000-000000000000.json"), JSON.stringify(lock));
    const state = readState();
    const resource = state.checkpoint.latest.resources.find(({ urn }) => urn.endsWith("::app"));
    state.checkpoint.latest.pending_operations = [{ resource, type: "creating" }];
    writeFileSync(stateFile(), JSON.stringify(state));
    const { changed } = await recovers(
      /its lock is removed[^]*1 steps that a killed run began are forgotten/,
    );
    assert.deepEqual(changed, []);
    assert.deepEqual(readdirSync(locks), []);
  });

  it("adopts everything when the state is lost", async () => {
    const before = { images: await imageIds(), volume: await volumeAge(), daemonJson: daemonJson() };
    rmSync(join(project.root, ".sandbox", "pulumi"), { recursive: true });
    const { images } = await recovers(/The state of the stack sandbox is lost: \d things of it are adopted/);
    assert.deepEqual(
      images.map(({ result }) => result),
      ["reused", "reused", "reused"],
    );
    assert.deepEqual(
      { images: await imageIds(), volume: await volumeAge(), daemonJson: daemonJson() },
      before,
    );
  });

  const damages: { name: string; damage: (text: string) => string; words: RegExp }[] = [
    {
      name: "cut off",
      damage: (text) => text.slice(0, text.length / 2),
      words: /was broken \(it is cut off or no JSON\)/,
    },
    { name: "empty", damage: () => "", words: /was broken \(it is empty\)/ },
    {
      name: "given a byte order mark",
      damage: (text) => `\uFEFF${text}`,
      words: /was broken \(it begins with a byte order mark\)/,
    },
  ];
  for (const { name, damage, words } of damages) {
    it(`restores a state that was ${name}, and keeps the broken one`, async () => {
      const broken = damage(readFileSync(stateFile(), "utf8"));
      writeFileSync(stateFile(), broken);
      const { changed } = await recovers(words);
      assert.deepEqual(changed, [], "the back-up knows everything");
      const kept = readdirSync(states()).filter((file) => file.includes(".broken-"));
      assert.equal(kept.length, 1);
      assert.equal(readFileSync(join(states(), kept[0]!), "utf8"), broken);
      rmSync(join(states(), kept[0]!));
    });
  }

  it("adopts everything when the state is broken and has no back-up", async () => {
    for (const kind of ["history", "backups"])
      rmSync(join(project.root, ".sandbox/pulumi/.pulumi", kind), { recursive: true, force: true });
    rmSync(`${stateFile()}.bak`);
    writeFileSync(stateFile(), "{");
    const { images } = await recovers(
      /has no back-up: it is kept as sandbox\.json\.broken-[^]*is lost: \d things of it are adopted/,
    );
    assert.deepEqual(
      images.map(({ result }) => result),
      ["reused", "reused", "reused"],
    );
  });

  it("writes a lost ledger again", async () => {
    const before = daemonJson();

    rmSync(join(project.root, ".sandbox", "state"), { recursive: true });
    await recovers(/no record says what .*daemon\.json was before/);
    assert.equal(daemonJson(), before);
  });

  it("brings all images back after docker system prune --all, from a cache that is still warm", async () => {
    const volume = await volumeAge();
    await project.docker("stop", cacheName);
    await project.docker("system", "prune", "--all", "--force", "--volumes");
    assert.deepEqual(await imageIds(), []);
    const { images } = await recovers(undefined);
    assert.deepEqual(
      images.map(({ result }) => result),
      ["built", "built", "built"],
    );
    assert.equal(await volumeAge(), volume);
  });

  it("makes the cache's volume again", async () => {
    await project.docker("rm", "--force", cacheName);
    await project.docker("volume", "rm", cacheName);
    const { changed } = await recovers(undefined);
    assert.ok(changed.some(({ name }) => name === "registry-cache-layers"));
  });

  it("starts again after a power cut that took /run away", async () => {
    const layout = sandboxLayout(join(project.root, ".sandbox"));
    const before = await imageIds();
    await removeLeftovers(layout); // SIGKILL of everything, sockets and run folder gone
    await recovers(undefined);
    assert.deepEqual(await imageIds(), before);
  });
});
