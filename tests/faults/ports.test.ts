import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type ListenOptions, Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { engineContent } from "../integration/machine.ts";
import { BackgroundRun } from "./background-run.ts";
import { cacheName, DevStack } from "./dev-stack.ts";
import { freePort } from "../integration/free-ports.ts";

describe("the cache's port", function () {
  this.timeout(5 * 60_000);
  let stack: DevStack;

  before(async () => {
    stack = await DevStack.open();
    // So that the test of a port that is lost at the start need not wait for as long as a person would.
    const cache = stack.project.read("components/fenced-container.ts");
    assert.match(cache, /waitTimeout: \d+,/);
    stack.project.write(
      "components/fenced-container.ts",
      cache.replace(/waitTimeout: \d+,/, "waitTimeout: 8,"),
    );
  });
  after(() => stack.remove());

  async function fails(): Promise<string> {
    const { exitCode, output } = await stack.run("start");
    assert.notEqual(exitCode, 0, output);
    assert.doesNotMatch(output, /\n\s+at .*:\d+:\d+/);
    return output;
  }

  const taken: ListenOptions[] = [{ host: "127.0.0.1" }, { host: "0.0.0.0" }, { host: "::" }];
  for (const options of taken) {
    it(`is told before anything is made when ${options.host} has it`, async () => {
      const before = await engineContent(stack.project);
      const { server, port } = await listen({ ...options, port: 0 });
      stack.configure({ port });
      const output = await fails().finally(() => server.close());
      const message = `Port ${port} on 127\\.0\\.0\\.1 is taken by .+ \\(process ${process.pid}\\)\\. Fix: Choose another: `;
      assert.match(output, new RegExp(message));
      assert.deepEqual(await engineContent(stack.project), before);
    });
  }

  it("says that a registry answers there, and how to use it", async () => {
    stack.configure({ port: stack.upstreamPort });
    const output = await fails();
    assert.match(
      output,
      new RegExp(
        `Port ${stack.upstreamPort} on 127\\.0\\.0\\.1 is taken by registry \\(process \\d+\\)\\. A registry answers there\\. Fix: to use that one: pulumi config set --stack dev --path gpu-build-host:registryCache\\.mode external; to run another beside it: `,
      ),
    );
    stack.configure({ port: stack.upstreamPort, mode: "external" });
    await stack.start();
    assert.deepEqual(await stack.preview(), []);
    assert.equal(await stack.docker("ps", "--all", "--quiet"), "");
  });

  it("is free where only ::1 has it: the cache is on 127.0.0.1", async () => {
    const { server, port } = await listen({ host: "::1", port: 0 });
    stack.configure({ port });
    await stack.start().finally(() => server.close());
    assert.equal(await stack.docker("inspect", "--format={{.State.Health.Status}}", cacheName), "healthy");
  });

  it("is named when it is lost between the look and the start, and the next start goes on", async () => {
    const port = await freePort();
    stack.configure({ port });
    await stack.start();
    stack.configure({ port, ttl: "240h" }); // the container is replaced: for a moment the port is free
    const run = new BackgroundRun(stack.project, "start", stack.arguments, await stack.variables());
    const thief = await Promise.race([steal(port), run.ended]);
    assert.ok(thief instanceof Server, `it ended before its port was free:\n${run.output}`);
    const { exitCode, output } = await run.ended;
    assert.notEqual(exitCode, 0, output);
    assert.match(output, /registry-cache-server: container failed to be in healthy state/);
    assert.match(
      output,
      new RegExp(
        `Port ${port} on 127\\.0\\.0\\.1 was taken by .+ \\(process ${process.pid}\\) meanwhile\\. Stop it, or choose another port, and run again\\.`,
      ),
    );
    thief.close();
    await once(thief, "close");
    await stack.start();
    assert.deepEqual(await stack.preview(), []);
    assert.equal(await stack.docker("ps", "--all", "--format={{.Names}} {{.State}}"), `${cacheName} running`);
  });

  it("moves with the setting", async () => {
    const port = await freePort();
    stack.configure({ port });
    await stack.start();
    assert.match(stack.project.read(".sandbox/daemon.json"), new RegExp(`"http://127\\.0\\.0\\.1:${port}"`));
    assert.deepEqual(await stack.preview(), []);
  });
});

async function listen(options: ListenOptions): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(options);
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** Takes a port in the moment in which its owner leaves it. */
async function steal(port: number): Promise<Server> {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(1)) {
    try {
      return (await listen({ host: "127.0.0.1", port, exclusive: true })).server;
    } catch {
      // its owner still has it
    }
  }
  throw new Error(`port ${port} was never free`);
}
