import assert from "node:assert/strict";
import { join } from "node:path";
import { cacheName, DevStack } from "../faults/dev-stack.ts";
import { FaultyUpstream } from "../faults/faulty-upstream.ts";
import { freePort } from "../integration/free-ports.ts";
import type { CommandResult } from "../integration/project.ts";
import { pull, pushImage, type TestImage } from "./images.ts";

describe("npm run cache", function () {
  this.timeout(3 * 60_000);
  let stack: DevStack;
  let upstream: FaultyUpstream;
  let port: number;

  before(async () => {
    stack = await DevStack.open();
    upstream = new FaultyUpstream(`http://127.0.0.1:${stack.upstreamPort}`);
    await upstream.arrive();
    port = await freePort();
    stack.configure({ upstream: upstream.url, port, maxSize: "30MB" });
    await stack.start();
  });
  after(async () => {
    upstream.heal();
    await upstream.leave();
    await stack.remove();
  });

  async function cache(...args: string[]): Promise<CommandResult> {
    const program = join(stack.project.root, "bootstrap", "run.mjs");
    return stack.project.exec("node", [program, "cache", ...args, "--stack", "dev"], await stack.variables());
  }
  async function succeeds(...args: string[]): Promise<string> {
    const { exitCode, output, stdout } = await cache(...args);
    assert.equal(exitCode, 0, output);
    return stdout;
  }
  const json = async <T>(...args: string[]) => JSON.parse(await succeeds(...args, "--json")) as T;
  const name = (image: TestImage) => image.repository.replace("library/", "");
  const url = () => `http://127.0.0.1:${port}`;
  const catalog = async () =>
    (
      await json<{ images: { name: string; version: string; isNeeded: boolean; isComplete: boolean }[] }>(
        "catalog",
      )
    ).images;

  it("says of the cache what it holds and whether its upstream answers", async () => {
    console.log(await succeeds("status"));
    console.log(await succeeds("catalog"));
    console.log(await succeeds("warm"));
    console.log(await succeeds("catalog"));
    console.log(await succeeds("status"));
    const image = await pushImage(stack.upstreamPort, { layers: [3_000_000, 100_000] });
    console.log(await succeeds("warm", name(image) + ":1"));
    console.log(await succeeds("catalog"));
    console.log(await succeeds("prune", "--to", "1MB", "--dry-run"));
    console.log(await succeeds("prune", "--to", "1MB"));
    console.log(await succeeds("verify"));
    console.log(await succeeds("timer", "--print"));
    console.log(await succeeds("clear"));
    console.log(await succeeds("status"));
    await upstream.leave();
    console.log((await cache("warm")).output);
    console.log(await succeeds("status"));
    console.log((await cache("clear")).output);
    console.log((await cache("timer", "--install")).output);
    await upstream.arrive();
    console.log((await cache("--help")).output);
    console.log((await cache("warm", "--help")).output);
  });
});
