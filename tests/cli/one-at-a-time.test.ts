import assert from "node:assert/strict";
import { oneAtATime } from "../../cli/one-at-a-time.ts";

describe("two commands on one stack", () => {
  it("refuses the second, and names the first", async () => {
    await oneAtATime("some-stack", async () => {
      const second = oneAtATime("some-stack", async () => assert.fail("ran beside the first"));
      await assert.rejects(second, new RegExp(`process ${process.pid} of stack "some-stack" has it`));
    });
  });

  it("lets commands on other stacks work, and the next one when the first is done", async () => {
    await oneAtATime("some-stack", () => oneAtATime("another", async () => undefined));
    assert.equal(await oneAtATime("some-stack", async () => "done"), "done");
  });
});
