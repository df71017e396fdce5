import assert from "node:assert/strict";
import { parse } from "yaml";
import { freePorts } from "./free-ports.ts";
import { engineContent } from "./machine.ts";
import { Project, smallBase, type CommandResult } from "./project.ts";

const stackFile = "Pulumi.sandbox.yaml";

interface Rolled {
  moves: { image: string; from: string; to: string; tags: string[]; isPinned: boolean }[];
  rebuild: string[];
  seconds: number;
}

describe("going back, and the names without a version", function () {
  this.timeout(15 * 60_000);
  let project: Project;
  const services = {
    app: { context: "services/app", smokeTest: { command: ["test", "-f", "/data"] } },
  };
  /** References of the app, oldest first. */
  const references: string[] = [];

  before(async () => {
    project = new Project({ services });
    project.write("services/app/Dockerfile", "ARG CUDA\nFROM cuda-base:runtime-${CUDA}\nCOPY data /data\n");
    for (const text of ["first", "second"]) references.push(await built(text));
    const text = project.read(stackFile);
    project.write(stackFile, `# mine\n${text.replace("services:", "services: # all of them")}`);
  });
  after(() => project.remove());

  /** The reference of the app once its files are so. */
  async function built(text: string): Promise<string> {
    project.write("services/app/data", text);
    const { images } = await project.start();
    return images.find(({ name }) => name === "app")!.reference;
  }
  const withSetting = (line: string, work: () => Promise<void>) =>
    project.withFile(
      stackFile,
      (text) => text.replace("config:\n", `config:\n  gpu-build-host:${line}\n`),
      work,
    );
  const idOf = (name: string) => project.docker("image", "inspect", "--format={{.Id}}", name);
  const settings = () => (parse(project.read(stackFile)) as { config: Record<string, unknown> }).config;
  async function rollback(...args: string[]): Promise<Rolled> {
    const started = performance.now();
    const { exitCode, stdout, output } = await project.run("rollback", ...args, "--json");
    assert.equal(exitCode, 0, output);
    const whole = (performance.now() - started) / 1000;
    const result = JSON.parse(stdout) as Rolled;
    if (result.seconds) console.log(`      ${result.seconds} s, with Node's start ${whole.toFixed(1)} s`);
    return result;
  }
  async function fails(result: Promise<CommandResult>, reason: RegExp): Promise<void> {
    const { exitCode, output } = await result;
    assert.notEqual(exitCode, 0, output);
    assert.match(output, reason);
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/);
  }
  async function succeeds(result: Promise<CommandResult>): Promise<string> {
    const { exitCode, output } = await result;
    assert.equal(exitCode, 0, output);
    return output;
  }

  describe("npm run rollback", () => {
    it("moves the tag back at once, with a pin that preview shows and start keeps to", async () => {
      const before = project.read(stackFile);
      const { moves } = await rollback("app");
      assert.deepEqual(moves, [
        { image: "app", from: references[1], to: references[0], tags: ["app:cu126"], isPinned: true },
      ]);
      assert.equal(await idOf("app:cu126"), await idOf(references[0]!));
      assert.deepEqual(settings()["gpu-build-host:pinnedVersions"], { app: references[0]!.slice(-16) });
      const added = project
        .read(stackFile)
        .split("\n")
        .filter((line) => !before.split("\n").includes(line));
      assert.equal(added.length, 2, added.join("\n"));
      assert.deepEqual(await project.preview(), []);
      const shown = await succeeds(project.pulumi(["preview", "--stack", "sandbox"]));
      assert.match(
        shown,
        /image "app": pinned to cu126-[0-9a-f]{16}, today's files would give cu126-[0-9a-f]{16}; to release it: npm run rollback -- app --clear/,
      );
      const { changed, images } = await project.start();
      assert.deepEqual(changed, []);
      assert.equal(images.find(({ name }) => name === "app")!.reference, references[0]);
    });

    it("shows the versions, says in one line that there is none before, and which names there are", async () => {
      const list = await succeeds(project.run("rollback", "app", "--list"));
      assert.match(list, /^ {3}1 {2}\S+ {2}promoted .*without a GPU$/m);
      assert.match(list, /^ {3}2 {2}\S+ {2}promoted .*in use, pinned$/m);
      await fails(
        project.run("rollback", "app"),
        /^app: there is no version before cu126-\S+ to go back to on this engine$/m,
      );
      await fails(project.run("rollback", "ap"), /^There is no image ap\. Did you mean app\?$/m);
      await fails(project.run("rollback", "all", "--to", "1"), /names a version of one image/);
    });

    it("is not undone by prune, and a change of the files waits behind the pin", async () => {
      await withSetting("keepVersions: 1", async () => {
        await project.docker("rmi", "app:cu126"); // a tag on it would hold it as well
        const { items, notes } = JSON.parse(await succeeds(project.run("prune", "--json", "--dry-run"))) as {
          items: { kind: string; name: string }[];
          notes: string[];
        };
        assert.deepEqual(
          items.filter(({ kind }) => kind === "image"),
          [],
        );
        assert.ok(notes.includes(`${references[0]} stays: its stack is pinned to it`), notes.join("\n"));
      });
      assert.deepEqual(await project.preview(), [{ op: "update", name: "app" }]);
      try {
        await built("third");
        assert.equal(await idOf("app:cu126"), await idOf(references[0]!));
      } finally {
        project.write("services/app/data", "second");
      }
    });

    it("goes on with what the files give once it is released, without building", async () => {
      const output = await succeeds(project.run("rollback", "app", "--clear"));
      assert.match(
        output,
        /^Released: app\. Tags have not moved; npm start goes on with what the files give\.$/m,
      );
      assert.equal(settings()["gpu-build-host:pinnedVersions"], undefined);
      assert.match(project.read(stackFile), /^# mine\n[^]*services: # all of them$/m);
      assert.deepEqual(await project.preview(), [{ op: "update", name: "app" }]);
      const { images } = await project.start();
      assert.equal(images.find(({ name }) => name === "app")!.result, "reused");
      assert.equal(await idOf("app:cu126"), await idOf(references[1]!));
      assert.match(
        await succeeds(project.run("rollback", "all", "--clear")),
        /^Nothing of that is pinned\.$/m,
      );
    });

    it("takes along what stands on a base, where it was built on that version", async () => {
      const newer = (text: string) => `${text}RUN echo newer > /newer\n`;
      await project.withFile("cuda-base/Dockerfile.runtime", newer, async () => {
        await project.start();
        const { moves, rebuild } = await rollback("runtime");
        assert.deepEqual(
          moves.map(({ image, isPinned }) => [image, isPinned]),
          [
            ["cuda-base-runtime", true],
            ["cuda-base-devel", false],
            ["app", false],
          ],
        );
        assert.deepEqual(rebuild, []);
        assert.equal(await idOf("app:cu126"), await idOf(references[1]!));
        assert.deepEqual(await project.preview(), []);
        await rollback("all", "--clear");
      });
      assert.deepEqual(await project.preview(), []);
    });

    it("brings all images of another CUDA version back under the names that they had", async () => {
      // The torch that PyPI has for it comes along: another one is refused before anything is built.
      const newer = (text: string) => text.replace('cuda: "12.6"', 'cuda: "12.8"\n    torch: 2.8.0');
      await project.withFile(stackFile, newer, async () => {
        await project.start();
        assert.ok(await idOf("app:cu128"));
        await assert.rejects(idOf("app:cu126"));
        const { moves } = await rollback("all");
        assert.deepEqual(
          moves.map(({ tags }) => tags),
          [["cuda-base:runtime-12.6"], ["cuda-base:devel-12.6"], ["app:cu126"]],
        );
        assert.equal(await idOf("app:cu126"), await idOf(references[1]!));
        await assert.rejects(idOf("app:cu128"));
        assert.deepEqual(await project.preview(), []);
        await rollback("all", "--clear");
      });
      assert.deepEqual(await project.preview(), []);
    });

    it("says in one line that a pinned version is gone, and releases it all the same", async () => {
      const text = project.read(stackFile);
      await withSetting('pinnedVersions:\n    app: "fedcba9876543210"', async () => {
        await fails(
          project.pulumi(["preview", "--stack", "sandbox"]),
          /gpu-build-host:pinnedVersions\.app is fedcba9876543210, a version that is not on this engine any more; release the pin: npm run rollback -- app --clear/,
        );
        assert.deepEqual(await rollback("app", "--clear"), { stack: "sandbox", cleared: ["app"] });
        assert.equal(project.read(stackFile), text);
      });
    });
  });

  describe("npm run use", () => {
    const use = async (...args: string[]) => succeeds(project.run("use", ...args));
    const plainNames = ["app:latest", "cuda-base:runtime", "cuda-base:devel"];
    const tags = (ending: string) => [
      `app:cu126${ending}`,
      `cuda-base:runtime-12.6${ending}`,
      `cuda-base:devel-12.6${ending}`,
    ];
    async function mean(ending: string): Promise<void> {
      for (const [index, name] of plainNames.entries())
        assert.equal(await idOf(name), await idOf(tags(ending)[index]!), name);
    }
    /** One whose image no stack made: the registry cache. */
    const someContainer = async () => (await project.docker("ps", "--quiet")).split("\n")[0]!;
    const pulumi = (...args: string[]) => succeeds(project.pulumi(args));

    before(async () => {
      const facts = JSON.parse(project.read(".sandbox/facts.json")) as {
        dockerHost: string;
        upstream: string;
      };
      const [port] = await freePorts(1);
      project.configure("b", {
        engine: { host: facts.dockerHost, network: "host" },
        registryCache: { port, upstream: facts.upstream },
        dockerDaemon: { manage: "off" },
        cudaBase: { cuda: "12.6", image: smallBase, python: "3.12" },
        services: { app: services.app },
        stateDir: `${project.root}/.sandbox/state`,
        variant: "b",
      });
      await pulumi("stack", "init", "b");
      await pulumi("up", "--stack", "b", "--yes", "--skip-preview");
    });

    it("refuses a name of somebody else's before any moves, and gives it back where it was taken", async () => {
      assert.match(await use(), /: no stack has the plain names$/m);
      const theirs = await project.docker("inspect", "--format={{.Image}}", await someContainer());
      await project.docker("tag", theirs, "app:latest");
      try {
        const before = await engineContent(project);
        await fails(
          project.run("use", "sandbox"),
          /^the name app:latest is on an image that no stack made \([0-9a-f]{12}\);.*adoptTags true$/m,
        );
        assert.deepEqual(await engineContent(project), before);
        await withSetting("adoptTags: true", async () => {
          await use("sandbox");
          await mean("");
          await use("sandbox", "--clear");
        });
        assert.deepEqual(await engineContent(project), before);
        assert.equal(await idOf("app:latest"), theirs);
      } finally {
        await project.docker("rmi", "app:latest");
      }
    });

    it("moves the names to a stack, whose next run takes them along, and no other's", async () => {
      const shown = await use("b");
      assert.match(shown, /^app:latest is cu126-b-[0-9a-f]{16} of b$/m);
      await mean("-b");
      await built("third"); // of the stack sandbox
      await mean("-b");
      await use("sandbox");
      await mean("");
      assert.match(await use(), /the stack "sandbox" has the plain names$/m);
      await built("fourth");
      await mean("");
      await rollback("app");
      await mean("");
      await rollback("app", "--clear");
      assert.deepEqual(
        (
          JSON.parse(await use("--json")) as { stack: string; names: { name: string; stack: string }[] }[]
        ).map(({ stack, names }) => [stack, names.map(({ name }) => name)]),
        [["sandbox", plainNames.toSorted()]],
      );
    });

    it("gives the names up when their stack is destroyed", async () => {
      await use("b");
      const { exitCode, output } = await project.pulumi([
        "destroy",
        "--stack",
        "b",
        "--yes",
        "--skip-preview",
      ]);
      assert.equal(exitCode, 0, output);
      for (const name of plainNames) await assert.rejects(idOf(name));
      assert.match(await use(), /: no stack has the plain names$/m);
      await fails(
        project.run("use", "b"),
        /^The stack "b" has no images on this engine that plain names could mean: pulumi up -s b first\.$/m,
      );
      await fails(project.run("use", "nowhere"), /^Pulumi\.nowhere\.yaml is not there/m);
    });
  });
});
