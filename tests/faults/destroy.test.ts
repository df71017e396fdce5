import assert from "node:assert/strict";
import { engineContent } from "../integration/machine.ts";
import { cacheName, DevStack } from "./dev-stack.ts";
import { freePort } from "../integration/free-ports.ts";

describe("a stack of which a part fails", function () {
  this.timeout(5 * 60_000);
  const services = ["one", "two", "three", "four", "five"];
  let stack: DevStack;
  let clean: string[];

  before(async () => {
    stack = await DevStack.open();
    const foreign = "tar --create --files-from=/dev/null | docker import - squatter:1";
    await stack.project.exec("sh", ["-c", foreign], await stack.variables());
    clean = await engineContent(stack.project);
    assert.ok(clean.includes("image squatter:1"));
    stack.configure(
      { port: await freePort() },
      { services: Object.fromEntries(services.map((name) => [name, { context: name }])) },
    );
    for (const name of services)
      stack.project.write(`${name}/Dockerfile`, `FROM cuda-base:runtime-12.6\nRUN echo ${name} > /name\n`);
    stack.project.write("three/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo no such luck; exit 3\n");
  });
  after(() => stack.remove());

  it("names the third of five services that fails, has the others once, and goes on when it is repaired", async () => {
    const { exitCode, output } = await stack.run("start");
    assert.notEqual(exitCode, 0);
    assert.match(
      output,
      /^three: image "three" does not build: \S+three\/Dockerfile:2: .*\n\s+no such luck\n/m,
    );
    assert.equal(output.split("does not build").length, 2, "said once");
    stack.project.write("three/Dockerfile", "FROM cuda-base:runtime-12.6\nRUN echo three > /name\n");
    const { images } = await stack.start();
    assert.deepEqual(await stack.preview(), []);
    assert.ok(images.length === 7, images.map(({ name }) => name).join());
    const references = await stack.docker("image", "ls", "--format={{.Repository}}", "localhost:1/dev/*");
    assert.deepEqual(
      references.split("\n").sort(),
      ["cuda-base-devel", "cuda-base-runtime", ...services].map((name) => `localhost:1/dev/${name}`).sort(),
    );
    assert.equal(await stack.docker("ps", "--all", "--format={{.Names}}"), cacheName);
  });

  it("destroys all but the volume that a foreign container uses, names that container, and ends what it began", async () => {
    await stack.docker("create", "--name=squatter", `--volume=${cacheName}:/x`, "squatter:1", "sh");
    const { exitCode, output } = await stack.run("destroy");
    assert.notEqual(exitCode, 0, output);
    assert.match(
      output,
      new RegExp(
        `^registry-cache-layers: the volume ${cacheName} is used by the container squatter: docker rm --force squatter, then run again$`,
        "m",
      ),
    );
    const left = await engineContent(stack.project);
    assert.deepEqual(
      left.filter((item) => !clean.includes(item)),
      ["container squatter", `volume ${cacheName}`],
    );
    await stack.docker("rm", "squatter");
    const again = await stack.run("destroy");
    assert.equal(again.exitCode, 0, again.output);
    assert.deepEqual(await engineContent(stack.project), clean);
  });
});
