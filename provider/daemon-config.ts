import { desiredFacts, readFacts } from "../lib/daemon/facts.ts";
import { DEFAULT_LEDGER_FOLDER } from "../lib/daemon/ledger-file.ts";
import { applyMirrors, printInstructions, releaseMirrors } from "../lib/daemon/mirrors.ts";
import type { Manner } from "../lib/daemon/settle.ts";
import { checkDaemonConfig, type DaemonConfigArgs, type DaemonConfigState } from "./daemon-config-check.ts";
import type { ResourceHandler, Session } from "./resource-handler.ts";

export type { DaemonConfigArgs, DaemonConfigState };

const REPLACING = ["dockerHost", "ledgerDir", "stack"] as const;
const UPDATING = ["registryMirrors", "manage", "file", "live", "claim"] as const;

/** A stack's `registry-mirrors` in the engine's daemon.json. */
export const daemonConfig: ResourceHandler<DaemonConfigState, DaemonConfigState> = {
  async check(_urn, _olds, news) {
    return checkDaemonConfig(news as unknown as Record<string, unknown>);
  },

  async diff(_id, _urn, olds, news) {
    const differs = (key: keyof DaemonConfigState) => JSON.stringify(olds[key]) !== JSON.stringify(news[key]);
    const replaces = REPLACING.filter(differs);
    const changed = [...replaces, ...UPDATING.filter(differs)];
    return {
      changes: changed.length > 0,
      replaces,
      // Two claims of one stack on one file would be one: the old has to go first.
      deleteBeforeReplace: replaces.length > 0,
      detailedDiff: Object.fromEntries(changed.map((key) => [key, { kind: "update" as const }])),
    };
  },

  async create(urn, inputs, session) {
    const id = await converge(inputs, [], mannerOf(inputs, urn, session));
    return { id, outs: await withFacts(inputs, id) };
  },

  async read(id, _urn, props) {
    const live = await withFacts(props, id);
    return { id, props: live, inputs: live };
  },

  async update(id, urn, olds, news, session) {
    const manner = mannerOf(news, urn, session);
    const previously = olds.manage === "apply" ? olds.registryMirrors : [];
    if (olds.manage === "apply" && news.manage !== "apply") {
      await releaseMirrors({ ...wishOf(olds, previously), ...fileOf(id) }, manner);
    }
    const file = await converge(news, previously, manner);
    return { outs: await withFacts(news, file) };
  },

  async delete(id, urn, props, session) {
    const manner = mannerOf(props, urn, session);
    if (props.manage === "apply") {
      await releaseMirrors({ ...wishOf(props, props.registryMirrors), ...fileOf(id) }, manner);
    } else if (props.manage === "print" && props.live === desiredFacts(props.registryMirrors, "print").live) {
      manner.log(
        `by hand (manage: print): take ${props.registryMirrors.join(", ")} out of daemon.json and reload Docker`,
        "warning",
      );
    }
  },
};

/** Does what `manage` says. Returns the daemon.json's path, or the engine where that is not known. */
async function converge(inputs: DaemonConfigState, previously: string[], manner: Manner): Promise<string> {
  if (inputs.manage === "off") return inputs.dockerHost;
  if (inputs.manage === "apply") return applyMirrors(wishOf(inputs, previously), manner);
  const { text, id } = await printInstructions(wishOf(inputs, []));
  const facts = await readFacts(queryOf(inputs, id));
  const desired = desiredFacts(inputs.registryMirrors, "print");
  if (facts.file !== desired.file || facts.live !== desired.live) manner.log(text, "warning");
  return id;
}

async function withFacts(props: DaemonConfigState, id: string): Promise<DaemonConfigState> {
  return { ...props, ...(await readFacts(queryOf(props, id))) };
}

function queryOf(props: DaemonConfigState, id: string) {
  return {
    dockerHost: props.dockerHost,
    stack: props.stack,
    mirrors: props.registryMirrors,
    manage: props.manage,
    ledgerFolder: props.ledgerDir,
    ...fileOf(id),
  };
}

/** The daemon.json that an id names; the id of a resource that began as `off` or `print` may name the engine instead. */
function fileOf(id: string): { file?: string } {
  return id.startsWith("/") ? { file: id } : {};
}

function wishOf(props: DaemonConfigState, previously: string[]) {
  return { dockerHost: props.dockerHost, stack: props.stack, mirrors: props.registryMirrors, previously };
}

function mannerOf(props: DaemonConfigState, urn: string, session: Session): Manner {
  return {
    ledgerFolder: props.ledgerDir || DEFAULT_LEDGER_FOLDER,
    signal: session.signal,
    log: (message, severity) =>
      void session.log(message, severity === "progress" ? { urn, ephemeral: true } : { urn, severity }),
  };
}
