import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { image } from "../../provider/image.ts";
import { startTestProxy, type TestProxy } from "../proxy/test-proxy.ts";
import { useImageProject } from "./image-project.ts";

describe("the resource Image behind a proxy", function () {
  this.timeout(120_000);
  const project = useImageProject("proxy");
  const { write, definition, inputsOf, session, lastEvent } = project;
  const password = "build-pr0xy-w0rd";
  let web: Server;
  let proxy: TestProxy;

  before(async () => {
    web = createServer((_, answer) => answer.end("fetched\n"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const hosts = { "web.test": (web.address() as AddressInfo).port };
    proxy = await startTestProxy({ login: `me:${password}`, hosts });
    process.env["GBH_TEST_PROXY"] = `http://me:${password}@127.0.0.1:${proxy.port}`;
  });
  after(async () => {
    delete process.env["GBH_TEST_PROXY"];
    await proxy.stop();
    web.close();
  });

  /** Files of the engine that hold the password. */
  async function kept(): Promise<string[]> {
    const folder = join(project.test.folder, "engine");
    const { stdout } = await execa("grep", ["-rlaF", password, folder], { reject: false });
    return stdout.split("\n").filter(Boolean);
  }

  const definitions = (further: object) => inputsOf([definition("base", further)]);

  it("fetches through it with its login, which BuildKit does not keep, and another time from the build cache", async () => {
    write("base/Dockerfile", "FROM busybox:1\nRUN wget -q -O /fetched http://web.test/\n");
    const { base } = await definitions({ proxy: { http: { env: "GBH_TEST_PROXY" }, noProxy: [] } });
    await image.create("urn", base!, session());
    assert.deepEqual([proxy.requests, proxy.refused], [["GET http://web.test/"], 0]);
    assert.deepEqual(await kept(), []);
    await project.test.engine.untag(base!.reference);
    for (const tag of base!.tags) await project.test.engine.untag(tag);
    await image.create("urn", base!, session());
    const { steps } = await lastEvent();
    assert.deepEqual(
      steps.map(({ cached }) => cached),
      [true],
    );
    assert.equal(proxy.requests.length, 1);
  });

  it("leaves a proxy that the image's own arguments name as it is", async () => {
    write(
      "base/Dockerfile",
      'FROM busybox:1\nRUN test "$HTTP_PROXY" = http://own.test && test -n "$NO_PROXY"\n',
    );
    const settings = { proxy: { http: { env: "GBH_TEST_PROXY" }, noProxy: [] } };
    const { base } = await definitions({ ...settings, args: { HTTP_PROXY: "http://own.test" } });
    await image.create("urn", base!, session());
  });

  it("needs that relay: BuildKit writes a proxy with a login into its own records", async () => {
    const folder = join(project.folder, "base");
    const from = `docker-image://${project.registry.address}/library/busybox@${project.registry.digests["1"]}`;
    write("base/Dockerfile", "FROM from\nRUN true\n");
    await execa(
      "docker",
      ["buildx", "build", "--provenance=false", "--network=host", "--build-context", `from=${from}`].concat([
        "--build-arg",
        "HTTP_PROXY",
        folder,
      ]),
      { env: { HTTP_PROXY: process.env["GBH_TEST_PROXY"] } },
    );
    assert.notDeepEqual(await kept(), []);
  });
});
