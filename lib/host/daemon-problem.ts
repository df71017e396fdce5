import { join } from "node:path";
import { wishProblem } from "../daemon/apply.ts";
import { desiredDocument } from "../daemon/desired.ts";
import { allLedgers } from "../daemon/ledger-file.ts";
import type { Settings } from "../settings/settings.ts";

/**
 * One line where daemon.json cannot be brought to what the settings say: a restart that nobody allowed, with the containers
 * that it would stop; a value of somebody else's; a flag of dockerd's. The cache's mirror alone needs a reload only.
 */
export async function daemonProblem(settings: Settings): Promise<string | undefined> {
  const { dockerDaemon, engine, stack } = settings;
  if (dockerDaemon.manage !== "apply") return undefined;
  const ledgerFolder = join(settings.stateDir, "daemon");
  const document = desiredDocument(dockerDaemon);
  if (Object.keys(document).length === 0 && !(await hasMore(ledgerFolder, stack))) return undefined;
  const { allowRestart, onConflict } = dockerDaemon;
  const wish = { dockerHost: engine.host, stack, mirrors: [], settings: document, allowRestart, onConflict };
  return wishProblem(wish, ledgerFolder);
}

/** Whether a stack has more in a daemon.json than mirrors: then taking it out may need a restart. */
async function hasMore(ledgerFolder: string, stack: string): Promise<boolean> {
  const claims = (await allLedgers(ledgerFolder)).flatMap((ledger) => ledger.claims);
  return claims.some((claim) => claim.stack === stack && claim.pointer !== "/registry-mirrors");
}
