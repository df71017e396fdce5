import { isDeepStrictEqual } from "node:util";
import { engineRoot } from "../lib/daemon/engine-root.ts";
import { asDeclared, lookAt, removeFiles, writeFiles, type HostFolder } from "../lib/host/host-folder.ts";
import type { ResourceHandler } from "./resource-handler.ts";

/** What the program says: files, by where their content comes from. Secrets are named only, so none gets into the state. */
export interface HostFolderState extends HostFolder {
  /** Engine whose file system is meant, e.g. `"unix:///var/run/docker.sock"`; empty for this host's own. */
  dockerHost: string;
  /** `"as declared"`, or how it is otherwise: so a preview shows drift. */
  found?: string;
}

const replacing = ["stack", "folder", "dockerHost", "reader"] as const;
const updating = ["files", "found"] as const;

/** Files of ours in one folder of this host, compared at each refresh and removed on destroy. */
export const hostFolder: ResourceHandler<HostFolderState, HostFolderState> = {
  async check(_urn, _olds, news) {
    return { inputs: { ...news, found: asDeclared }, failures: [] };
  },
  async diff(_id, _urn, olds, news) {
    // Deeply: the keys of an object reach a provider in no certain order.
    const differs = (key: keyof HostFolderState) => !isDeepStrictEqual(olds[key], news[key]);
    const replaces = replacing.filter(differs);
    return {
      changes: replaces.length > 0 || updating.some(differs),
      replaces,
      deleteBeforeReplace: replaces.length > 0,
    };
  },
  async create(_urn, inputs) {
    await writeFiles(inputs, [], await rootOf(inputs));
    return { id: `${inputs.stack}:${inputs.folder}`, outs: inputs };
  },
  async read(id, _urn, props) {
    const root = await rootOf(props).catch(() => undefined);
    const live = { ...props, found: root === undefined ? asDeclared : await lookAt(props, root) };
    return { id, props: live, inputs: live };
  },
  async update(_id, _urn, olds, news) {
    await writeFiles(news, Object.keys(olds.files), await rootOf(news));
    return { outs: news };
  },
  async delete(_id, _urn, props) {
    await removeFiles(props, await rootOf(props));
  },
};

async function rootOf({ dockerHost }: HostFolderState): Promise<string> {
  return dockerHost === "" ? "" : engineRoot(dockerHost);
}
