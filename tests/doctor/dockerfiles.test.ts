import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serviceDockerfileFindings } from "../../lib/doctor/dockerfiles.ts";
import { settingsOfStackFile } from "../../lib/settings/load.ts";
import { parseSettings } from "../../lib/settings/settings.ts";
import { repository } from "../docs/markdown.ts";

describe("Dockerfiles of a stack's services", () => {
  let root = "";
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), "gbh-dockerfiles-"))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }

  /** Findings in short, e.g. `"a/Dockerfile:2 dockerfile.order"`. */
  async function short(services: Record<string, object>, cudaBase: object = {}): Promise<string[]> {
    const settings = parseSettings({
      stack: "dev",
      root,
      stateDir: join(root, "state"),
      file: "Pulumi.dev.yaml",
      values: { services, cudaBase },
      readSandboxFacts: () => assert.fail("there is no sandbox here"),
    });
    return (await serviceDockerfileFindings(settings)).map(({ file, line, id }) => `${file}:${line} ${id}`);
  }

  it("has nothing to say about this project's own services", async () => {
    assert.deepEqual(await serviceDockerfileFindings(settingsOfStackFile(repository, "dev")), []);
  });

  it("names the file from the project's folder, or whole where it is elsewhere", async () => {
    write("a/Dockerfile", "FROM debian:12\nADD https://example.org/x /x\n");
    write("b/docker/my.Dockerfile", "FROM debian\n");
    const outside = mkdtempSync(join(tmpdir(), "gbh-dockerfiles-"));
    try {
      writeFileSync(join(outside, "Dockerfile"), "FROM debian\n");
      const services = {
        a: { context: "a" },
        b: { context: "b", dockerfile: "docker/my.Dockerfile" },
        c: { context: outside },
      };
      assert.deepEqual(await short(services), [
        "a/Dockerfile:2 dockerfile.add-url",
        "b/docker/my.Dockerfile:1 dockerfile.latest",
        `${outside}/Dockerfile:1 dockerfile.latest`,
      ]);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  it("knows arguments, target and contexts of the service, and the stack's CUDA", async () => {
    write(
      "a/Dockerfile",
      "ARG CUDA=11.8\nARG V=latest\nFROM debian:${V} AS left\nFROM mine AS right\nFROM cuda-base:devel-${CUDA} AS last\n",
    );
    const contexts = { mine: "b" };
    assert.deepEqual(await short({ a: { context: "a", args: { V: "12" }, contexts, target: "right" } }), []);
    assert.deepEqual(await short({ a: { context: "a", contexts } }), [
      "a/Dockerfile:3 dockerfile.latest",
      "a/Dockerfile:5 dockerfile.devel-final",
    ]);
    write("b/Dockerfile", "ARG CUDA=11.8\nFROM cuda-base:runtime-${CUDA}\nRUN pip3 install x==1+cu128\n");
    assert.deepEqual(await short({ b: { context: "b" } }), []);
    assert.deepEqual(await short({ b: { context: "b" } }, { cuda: "12.6" }), [
      "b/Dockerfile:3 dockerfile.cuda-wheels",
    ]);
  });

  it("follows services that stand on each other down to the base, whatever their order", async () => {
    write("top/Dockerfile", "FROM middle:cu128\nRUN pip3 install torch\n");
    write("middle/Dockerfile", "FROM lowest:latest\n");
    write("lowest/Dockerfile", "FROM cuda-base:runtime-12.8\n");
    const services = {
      top: { context: "top" },
      middle: { context: "middle" },
      lowest: { context: "lowest", tags: ["lowest"] },
    };
    assert.deepEqual(await short(services), ["top/Dockerfile:2 dockerfile.torch-again"]);
  });

  it("looks for the .dockerignore that the build would use", async () => {
    write("a/Dockerfile", "FROM cuda-base:runtime-12.8\nCOPY . /app\n");
    const services = { a: { context: "a" } };
    assert.deepEqual(await short(services), ["a/Dockerfile:2 dockerfile.dockerignore"]);
    write("a/.dockerignore", "*\n!app\n");
    assert.deepEqual(await short(services), []);
    write("a/Dockerfile.dockerignore", "\n");
    assert.deepEqual(await short(services), ["a/Dockerfile:2 dockerfile.dockerignore"]);
  });

  it("says it once where two services share a Dockerfile", async () => {
    write("a/Dockerfile", "FROM debian\n");
    assert.deepEqual(await short({ a: { context: "a" }, b: { context: "a" } }), [
      "a/Dockerfile:1 dockerfile.latest",
    ]);
  });

  it("says that a Dockerfile is missing, a folder, a device or a circle of links, and looks at the others", async () => {
    write("folder/Dockerfile/x", "");
    mkdirSync(join(root, "device"));
    symlinkSync("/dev/zero", join(root, "device/Dockerfile"));
    mkdirSync(join(root, "circle"));
    symlinkSync("Dockerfile", join(root, "circle/Dockerfile"));
    write("good/Dockerfile", "FROM debian\n");
    const names = ["missing", "folder", "device", "circle", "good"];
    const services = Object.fromEntries(names.map((name) => [name, { context: name }]));
    assert.deepEqual(await short(services), [
      "missing/Dockerfile:1 dockerfile.syntax",
      "folder/Dockerfile:1 dockerfile.syntax",
      "device/Dockerfile:1 dockerfile.syntax",
      "circle/Dockerfile:1 dockerfile.syntax",
      "good/Dockerfile:1 dockerfile.latest",
    ]);
  });

  it("ends where services stand on each other in a circle", async () => {
    write("a/Dockerfile", "FROM b:cu128\n");
    write("b/Dockerfile", "FROM a:cu128\n");
    assert.deepEqual(await short({ a: { context: "a" }, b: { context: "b" } }), []);
  });
});
