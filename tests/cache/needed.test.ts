import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { neededImages, pinKey, pinsOfStacks } from "../../lib/cache-store/needed.ts";
import { settingsOfStackFile } from "../../lib/settings/load.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

describe("images that stacks need", () => {
  let root: string;
  const write = (path: string, text: string) => writeFileSync(join(root, path), text);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "gbh-needed-"));
    for (const folder of ["cuda-base", "app"]) mkdirSync(join(root, folder));
    write("cuda-base/Dockerfile.runtime", "ARG CUDA_BASE\nFROM ${CUDA_BASE}\n");
    write("cuda-base/Dockerfile.devel", "ARG CUDA\nFROM cuda-base:runtime-${CUDA}\n");
    write("app/Dockerfile", `FROM busybox@${digest("d")}\nCOPY --from=quay.io/x/tools:2 /x /x\n`);
    write(
      "Pulumi.a.yaml",
      "config:\n  gpu-build-host:cudaBase: {image: 'nvidia/cuda:12.8.1-base-ubuntu22.04'}\n  gpu-build-host:services: {app: {context: app}}\n",
    );
    write(
      "images.lock.yaml",
      `images:\n  nvidia/cuda:12.8.1-base-ubuntu22.04: ${digest("a")}\n  registry:3.1.1: ${digest("b")}\n  old:1: ${digest("c")}\n`,
    );
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("are those of its Dockerfiles and the cache's own, with the digests of the lock file", async () => {
    const images = await neededImages(settingsOfStackFile(root, "a"));
    assert.deepEqual(
      new Map(images.map((image) => [image.name, image.digest])),
      new Map([
        [`busybox@${digest("d")}`, digest("d")],
        ["nvidia/cuda:12.8.1-base-ubuntu22.04", digest("a")],
        ["quay.io/x/tools:2", undefined],
        ["registry:3.1.1", digest("b")],
      ]),
    );
  });

  it("are never pruned, nor is anything that the lock file names", async () => {
    const { names, notes } = await pinsOfStacks(root);
    const wanted = [
      pinKey("docker.io", "library/busybox", digest("d")),
      pinKey("docker.io", "library/old", digest("c")),
      pinKey("docker.io", "library/registry", digest("b")),
      pinKey("docker.io", "nvidia/cuda", digest("a")),
    ];
    assert.deepEqual([[...names.keys()].sort(), notes], [wanted, []]);
  });

  it("are taken from the lock file alone where a stack's settings have problems, which is said", async () => {
    write("Pulumi.b.yaml", "config:\n  gpu-build-host:registryCache: {port: high}\n");
    const { names, notes } = await pinsOfStacks(root);
    assert.equal(names.size, 4);
    assert.match(
      notes.join(),
      /^Pulumi\.b\.yaml has problems: what the stack "b" needs is taken from its lock file alone$/,
    );
  });
});
