import { refuseWhileClaimed } from "../lib/daemon/ledger-file.ts";
import type { ResourceHandler } from "./resource-handler.ts";

/** What a guard needs to know to ask who uses a cache. */
export interface CacheGuardState {
  /** Stack that owns the cache. */
  stack: string;
  /** The cache as daemon.json names it, e.g. `"http://127.0.0.1:5000"`. */
  mirror: string;
  /** Folder of the ledger that every stack of the engine writes its claims into. */
  ledgerDir: string;
}

const keys = ["stack", "mirror", "ledgerDir"] as const;

/**
 * Refuses to be deleted while another stack uses the cache. It depends on every image, so Pulumi deletes it first:
 * a destroy that would take the cache from somebody ends before anything is touched.
 */
export const cacheGuard: ResourceHandler<CacheGuardState, CacheGuardState> = {
  async check(_urn, _olds, news) {
    return { inputs: news, failures: [] };
  },
  async diff(_id, _urn, olds, news) {
    return { changes: keys.some((key) => olds[key] !== news[key]), replaces: [], deleteBeforeReplace: false };
  },
  async create(_urn, inputs) {
    return { id: `${inputs.stack}/cache-guard`, outs: inputs };
  },
  async read(id, _urn, props) {
    return { id, props };
  },
  async update(_id, _urn, _olds, news) {
    return { outs: news };
  },
  async delete(_id, _urn, props) {
    await refuseWhileClaimed(props.mirror, props.stack, props.ledgerDir);
  },
};
