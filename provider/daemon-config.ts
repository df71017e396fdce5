import {
  applyConfig,
  previewChange,
  printInstructions,
  releaseConfig,
  type DaemonWish,
} from "../lib/daemon/apply.ts";
import { canonicalText } from "../lib/daemon/daemon-json.ts";
import { desiredFacts, readFacts } from "../lib/daemon/facts.ts";
import { DEFAULT_LEDGER_FOLDER } from "../lib/daemon/ledger-file.ts";
import type { Manner } from "../lib/daemon/settle.ts";
import {
  checkDaemonConfig,
  UNKNOWN,
  type DaemonConfigArgs,
  type DaemonConfigState,
} from "./daemon-config-check.ts";
import type { ResourceHandler, Session } from "./resource-handler.ts";

export type { DaemonConfigArgs, DaemonConfigState };

const REPLACING = ["dockerHost", "ledgerDir", "stack"] as const;
const UPDATING = [
  "registryMirrors",
  "settings",
  "allowRestart",
  "onConflict",
  "manage",
  "file",
  "live",
  "claim",
  "fileSettings",
  "liveSettings",
] as const;

/** A stack's part of the engine's daemon.json. */
export const daemonConfig: ResourceHandler<DaemonConfigState, DaemonConfigState> = {
  async check(_urn, olds, news) {
    const { inputs, failures } = checkDaemonConfig(news as unknown as Record<string, unknown>);
    // Only for the eye: what a preview says about the change. `diff` does not ask it.
    if (failures.length === 0 && (hasSettings(inputs) || olds?.change))
      inputs.change = await changeOf(inputs);
    return { inputs, failures };
  },

  async diff(_id, _urn, olds, news) {
    const differs = (key: keyof DaemonConfigState) => !sameValue(olds[key], news[key]);
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
    const id = await converge(inputs, { mirrors: [] }, mannerOf(inputs, urn, session));
    return { id, outs: await withFacts(inputs, id) };
  },

  async read(id, _urn, props) {
    const live = await withFacts(props, id);
    return { id, props: live, inputs: live };
  },

  async update(id, urn, olds, news, session) {
    const manner = mannerOf(news, urn, session);
    const previously = olds.manage === "apply" ? ownedBy(olds) : { mirrors: [] };
    if (olds.manage === "apply" && news.manage !== "apply") {
      await releaseConfig({ ...wishOf(olds, previously), ...fileOf(id) }, manner);
    }
    const file = await converge(news, previously, manner);
    return { outs: await withFacts(news, file) };
  },

  async delete(id, urn, props, session) {
    const manner = mannerOf(props, urn, session);
    if (props.manage === "apply") {
      await releaseConfig({ ...wishOf(props, ownedBy(props)), ...fileOf(id) }, manner);
    } else if (props.manage === "print" && props.live === desiredOf(props).live) {
      const keys = Object.keys(props.settings ?? {});
      manner.log(
        `by hand (manage: print): take ${[...props.registryMirrors, ...keys].join(", ")} out of daemon.json and reload Docker`,
        "warning",
      );
    }
  },
};

/** Does what `manage` says. Returns the daemon.json's path, or the engine where that is not known. */
async function converge(inputs: DaemonConfigState, previously: Owned, manner: Manner): Promise<string> {
  if (inputs.manage === "off") return inputs.dockerHost;
  if (inputs.manage === "apply") return applyConfig(wishOf(inputs, previously), manner);
  const { text, id } = await printInstructions(wishOf(inputs, { mirrors: [] }));
  const facts = await readFacts(queryOf(inputs, id));
  if (!sameValue({ ...facts }, { ...desiredOf(inputs) })) manner.log(text, "warning");
  return id;
}

async function withFacts(props: DaemonConfigState, id: string): Promise<DaemonConfigState> {
  const facts = await readFacts(queryOf(props, id));
  return { ...props, ...facts, ...((hasSettings(props) || props.change) && { change: "none" }) };
}

/** What a preview says about the change; what is wrong with it is told by `update` or, before, by the checks of the host. */
async function changeOf(inputs: DaemonConfigState): Promise<string> {
  if (inputs.manage !== "apply" || [inputs.registryMirrors].flat().includes(UNKNOWN)) return "none";
  return previewChange(wishOf(inputs, { mirrors: [] }), inputs.ledgerDir).catch(
    (error: Error) => error.message,
  );
}

function hasSettings(props: DaemonConfigState): boolean {
  return Object.keys(props.settings ?? {}).length > 0;
}

function desiredOf(props: DaemonConfigState) {
  return desiredFacts(props.registryMirrors, props.settings ?? {}, props.manage);
}

/** What a stack set by its own record. */
type Owned = NonNullable<DaemonWish["previously"]>;

function ownedBy(props: DaemonConfigState): Owned {
  return { mirrors: props.registryMirrors, settings: props.settings ?? {} };
}

function queryOf(props: DaemonConfigState, id: string) {
  return {
    dockerHost: props.dockerHost,
    stack: props.stack,
    mirrors: props.registryMirrors,
    settings: props.settings ?? {},
    manage: props.manage,
    ledgerFolder: props.ledgerDir,
    ...fileOf(id),
  };
}

/** The daemon.json that an id names; the id of a resource that began as `off` or `print` may name the engine instead. */
function fileOf(id: string): { file?: string } {
  return id.startsWith("/") ? { file: id } : {};
}

function wishOf(props: DaemonConfigState, previously: Owned): DaemonWish {
  return {
    dockerHost: props.dockerHost,
    stack: props.stack,
    mirrors: props.registryMirrors,
    settings: props.settings ?? {},
    allowRestart: props.allowRestart ?? false,
    onConflict: props.onConflict ?? "stop",
    previously,
  };
}

function mannerOf(props: DaemonConfigState, urn: string, session: Session): Manner {
  return {
    ledgerFolder: props.ledgerDir || DEFAULT_LEDGER_FOLDER,
    signal: session.signal,
    log: (message, severity) =>
      void session.log(message, severity === "progress" ? { urn, ephemeral: true } : { urn, severity }),
  };
}

/** Pulumi's state keeps objects in an order of its own. */
function sameValue(a: unknown, b: unknown): boolean {
  const text = (value: unknown) => (value === undefined ? "" : canonicalText(JSON.stringify(value)));
  return text(a) === text(b);
}
