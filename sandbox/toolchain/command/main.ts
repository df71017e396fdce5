/**
 * A stand-in for Pulumi's command plugin, for machines that cannot download the published one: `local.Command` with
 * create, update, delete, triggers, environment, dir, stdin, interpreter and logging. No assets, no remote commands.
 */
import { randomUUID } from "node:crypto";
import { main, type Provider } from "@pulumi/pulumi/provider/index.js";
import {
  changedInputs,
  hasSecret,
  plain,
  previousOutput,
  replacingInputs,
  secret,
  unknownInputs,
  type CommandInputs,
} from "./inputs.ts";
import { engineLog } from "./log.ts";
import { runCommand, stopCommands, type CommandOutput } from "./run.ts";

type Properties = Record<string, unknown>;

const type = "command:local:Command";
const log = engineLog(process.argv[2]);

const provider: Provider = {
  version: "1.2.1",
  async check(urn: string, _olds: Properties, news: Properties) {
    const unknown =
      urn.split("::")[2]?.split("$").at(-1) === type ? unknownInputs(news) : ["this resource type"];
    const reason = "is not in the stand-in for @pulumi/command: only the published plugin has it";
    return { inputs: news, failures: unknown.map((property) => ({ property, reason })) };
  },
  async diff(_id: string, _urn: string, olds: Properties, news: Properties) {
    const changed = changedInputs(olds, news);
    return { changes: changed.length > 0, replaces: replacingInputs(changed, news) };
  },
  async create(urn: string, inputs: Properties) {
    const { create } = plain<CommandInputs>(inputs);
    return { id: randomUUID().replaceAll("-", ""), outs: await outputs(urn, create, inputs, undefined) };
  },
  async update(_id: string, urn: string, olds: Properties, news: Properties) {
    const { create, update } = plain<CommandInputs>(news);
    return { outs: await outputs(urn, update ?? create, news, previousOutput(olds)) };
  },
  async delete(_id: string, urn: string, state: Properties) {
    const inputs = plain<CommandInputs>(state);
    if (inputs.delete) await runCommand(inputs.delete, inputs, previousOutput(state), logger(urn, state));
  },
  async cancel() {
    stopCommands();
  },
};

/** State after a command: its inputs, and what it printed. What came from a secret is one. */
async function outputs(
  urn: string,
  command: string | undefined,
  inputs: Properties,
  previous: CommandOutput | undefined,
) {
  const none = { stdout: "", stderr: "" };
  const printed = command
    ? await runCommand(command, plain<CommandInputs>(inputs), previous, logger(urn, inputs))
    : none;
  const wrap = hasSecret([inputs.create, inputs.update, inputs.environment, inputs.stdin])
    ? secret
    : (text: string) => text;
  return { ...inputs, stdout: wrap(printed.stdout), stderr: wrap(printed.stderr) };
}

/** Output of a command with secrets is not logged: it may print them. */
function logger(urn: string, inputs: Properties): (line: string) => void {
  return hasSecret(inputs) ? () => {} : (line) => log(urn, line);
}

function end(): void {
  stopCommands();
  process.exit();
}

// Pulumi asks a plugin to go with SIGINT, and waits five seconds for one that does not.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) end(); // Pulumi was killed: nobody waits for these commands any more
}, 200).unref();

void main(provider, process.argv.slice(2));
