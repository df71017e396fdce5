import { join } from "node:path";
import { allLedgers } from "../daemon/ledger-file.ts";
import type { Settings } from "../settings/settings.ts";

/** Every daemon.json that this stack has written to, by the record that outlives the daemon. */
export async function managedFiles({ stack, stateDir }: Settings): Promise<string[]> {
  const ledgers = await allLedgers(join(stateDir, "daemon"));
  return ledgers
    .filter(({ claims }) => claims.some((claim) => claim.stack === stack))
    .map(({ file }) => file);
}
