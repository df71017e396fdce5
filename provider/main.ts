import { main, type Provider } from "@pulumi/pulumi/provider/index.js";
import { BuildRun } from "../lib/images/build-run.ts";
import { cacheGuard } from "./cache-guard.ts";
import { cacheLimit } from "./cache-limit.ts";
import { daemonConfig } from "./daemon-config.ts";
import { engineLog } from "./engine-log.ts";
import { hostFolder } from "./host-folder.ts";
import { image } from "./image.ts";
import { failOperations, operationsEnded, stopOperations, tracked } from "./operations.ts";
import { onParentGone } from "./parent.ts";
import type { ResourceHandler, Session } from "./resource-handler.ts";

// Pulumi hands plain objects over; each handler checks its own.
type AnyHandler = ResourceHandler<any, any>; // eslint-disable-line @typescript-eslint/no-explicit-any

const handlers: Record<string, AnyHandler> = {
  "gpubuild:index:Image": image,
  "gpubuild:index:DaemonConfig": daemonConfig,
  "gpubuild:index:CacheGuard": cacheGuard,
  "gpubuild:index:CacheLimit": cacheLimit,
  "gpubuild:index:HostFolder": hostFolder,
};

function handlerOf(urn: string): AnyHandler {
  const type = urn.split("::")[2]?.split("$").at(-1) ?? "";
  const handler = handlers[type];
  if (!handler) throw new Error(`The provider gpubuild has no resource ${type}.`);
  return handler;
}

const log = engineLog(process.argv[2]);
// A run has a provider process of its own.
const run = new BuildRun();
const session = (signal: AbortSignal): Session => ({ log, signal, run });

const provider: Provider = {
  version: "0.1.0",
  check: (urn, olds, news) => tracked(() => handlerOf(urn).check(urn, olds, news)),
  diff: (id, urn, olds, news) => tracked(() => handlerOf(urn).diff(id, urn, olds, news)),
  create: (urn, inputs) => tracked((signal) => handlerOf(urn).create(urn, inputs, session(signal))),
  update: (id, urn, olds, news) =>
    tracked((signal) => handlerOf(urn).update(id, urn, olds, news, session(signal))),
  delete: (id, urn, props) => tracked((signal) => handlerOf(urn).delete(id, urn, props, session(signal))),
  read: async (id, urn, props) =>
    (await tracked(() => handlerOf(urn).read(id, urn, props, run))) ?? { id: "", props: {} },
  // Pulumi calls this at the end of every run, and at once on Ctrl-C.
  cancel: async () => {
    stopOperations();
    await operationsEnded(5_000);
  },
};

process.on("uncaughtException", failOperations);
process.on("unhandledRejection", failOperations);
// Pulumi ends its plugins with SIGINT and waits five seconds for one that stays.
process.on("SIGINT", () => void end(0));
onParentGone(() => void end(1));

/** Stops what is under way, lets it clean up, and exits. */
async function end(exitCode: number): Promise<void> {
  stopOperations();
  await operationsEnded(5_000);
  process.exit(exitCode);
}

void main(provider, process.argv.slice(2));
