import type { Engine } from "./engine.ts";

/** The network that containers and builds have by default. */
export interface BridgeNetwork {
  /** Address of this machine that they reach, e.g. `"172.17.0.1"`. */
  address: string;
  /** e.g. `"172.17.0.0/16"` */
  subnet: string;
}

/** The engine's bridge; undefined where it has none or does not say. */
export async function bridgeNetwork(engine: Engine): Promise<BridgeNetwork | undefined> {
  const bridge = await engine
    .ask<{ IPAM?: { Config?: { Gateway?: string; Subnet?: string }[] } }>({ path: "/networks/bridge" })
    .catch(() => undefined);
  const config = bridge?.IPAM?.Config?.find(({ Gateway }) => Gateway);
  return config?.Gateway
    ? { address: config.Gateway.split("/")[0]!, subnet: config.Subnet ?? "" }
    : undefined;
}
