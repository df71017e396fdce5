import assert from "node:assert/strict";
import {
  changedInputs,
  hasSecret,
  plain,
  replacingInputs,
  unknownInputs,
} from "../../sandbox/toolchain/command/inputs.ts";
import { runCommand, stopCommands } from "../../sandbox/toolchain/command/run.ts";

const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

describe("the stand-in for @pulumi/command", () => {
  it("runs a command with its input, environment and folder, and logs its lines", async () => {
    const lines: string[] = [];
    const inputs = { stdin: "in", environment: { X: "x" }, dir: "/usr" };
    const output = await runCommand("cat; echo; echo $X; pwd; echo problem >&2", inputs, undefined, (line) =>
      lines.push(line),
    );
    assert.deepEqual(output, { stdout: "in\nx\n/usr", stderr: "problem" });
    assert.deepEqual([...lines].sort(), ["/usr", "in", "problem", "x"]);
  });

  it("gives the next command what the last one printed, unless told not to", async () => {
    const previous = { stdout: "before", stderr: "" };
    const command = "echo $PULUMI_COMMAND_STDOUT";
    assert.equal((await runCommand(command, {}, previous, () => {})).stdout, "before");
    assert.equal(
      (await runCommand(command, { addPreviousOutputInEnv: false }, previous, () => {})).stdout,
      "",
    );
  });

  it("fails with the command's own words", async () => {
    await assert.rejects(
      runCommand("echo why >&2; exit 3", {}, undefined, () => {}),
      /^Error: exit status 3: running ".*":\nwhy$/,
    );
    await assert.rejects(
      runCommand("true", { dir: "/nowhere" }, undefined, () => {}),
      /cannot run \/bin\/sh in \/nowhere/,
    );
  });

  it("uses an interpreter, and logs nothing when asked", async () => {
    const lines: string[] = [];
    const inputs = { interpreter: ["/bin/echo", "said:"], logging: "none" as const };
    assert.equal(
      (await runCommand("hello", inputs, undefined, (line) => lines.push(line))).stdout,
      "said: hello",
    );
    assert.deepEqual(lines, []);
  });

  it("stops a command with what it started", async () => {
    const running = runCommand("sleep 60 & wait", {}, undefined, () => {});
    setTimeout(stopCommands, 100);
    await assert.rejects(running, /ended by SIGTERM/);
  });

  it("sees changes of inputs only, in any order of keys, secret or not", () => {
    const state = {
      create: "a",
      environment: { A: "1", B: secret("2") },
      triggers: [1],
      stdout: "old",
      stderr: "",
    };
    assert.deepEqual(
      changedInputs(state, { environment: { B: "2", A: "1" }, create: "a", triggers: [1] }),
      [],
    );
    assert.deepEqual(changedInputs(state, { create: "b", environment: { A: "1" }, triggers: [1] }), [
      "create",
      "environment",
    ]);
  });

  it("replaces when triggers change, and updates where there is a command for that", () => {
    assert.deepEqual(replacingInputs(["create", "triggers"], {}), ["triggers"]);
    assert.deepEqual(replacingInputs(["triggers"], { update: "x" }), []);
    assert.deepEqual(replacingInputs(["create"], {}), []);
  });

  it("finds and unwraps secrets anywhere", () => {
    assert.ok(hasSecret({ a: [{ b: secret("x") }] }));
    assert.ok(!hasSecret({ a: [{ b: "x" }] }));
    assert.deepEqual(plain({ a: [secret({ b: secret("x") })] }), { a: [{ b: "x" }] });
  });

  it("refuses what only the published plugin has", () => {
    assert.deepEqual(unknownInputs({ create: "a", assetPaths: ["*"], archivePaths: undefined }), [
      "assetPaths",
    ]);
  });
});
